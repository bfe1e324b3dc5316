#include "server/forwarding.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/field_lines.h"

namespace sealgate {
namespace {

// Takes the last element from a list. Nothing: it is too long, or its quotes have no beginning. Read from the
// end, what a client has written before it does not matter.
std::optional<std::string_view> take_last(std::string_view& list) {
  bool quoted = false;
  size_t at = list.size();
  for (; at > 0 && (quoted || list[at - 1] != ','); at--) {
    if (list.size() - at == kMaxForwardingElement) return std::nullopt;
    if (list[at - 1] == '"') quoted = !quoted;
  }
  if (quoted) return std::nullopt;
  const std::string_view element = list.substr(at);
  list = list.substr(0, at == 0 ? 0 : at - 1);
  return trimmed(element);
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// An address with or without a port: "192.0.2.1:80", "[2001:db8::1]:80".
bool parse_node(std::string_view text, in6_addr* out) {
  bool is_v4 = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return false;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || !is_port(rest.substr(1)))) return false;
    return parse_address(text.substr(1, end - 1), out, &is_v4) && !is_v4;
  }
  if (parse_address(text, out, &is_v4)) return true;
  const size_t colon = text.find(':');
  return colon != text.npos && is_port(text.substr(colon + 1)) &&
         parse_address(text.substr(0, colon), out, &is_v4) && is_v4;
}

// A token, or a quoted text in which nothing is escaped. No data: it is neither.
std::string_view unquoted(std::string_view value) {
  if (!value.starts_with('"')) return value.find('"') == value.npos ? value : std::string_view();
  const bool whole = value.size() >= 2 && value.ends_with('"');
  const std::string_view inner = whole ? value.substr(1, value.size() - 2) : std::string_view();
  return inner.find_first_of("\"\\") == inner.npos ? inner : std::string_view();
}

// The value of `for` in an element of Forwarded, which has it once. No data: it has none that can be read.
std::string_view for_in(std::string_view element) {
  std::string_view found;
  while (!element.empty()) {
    bool quoted = false;
    size_t end = 0;
    for (; end < element.size() && (quoted || element[end] != ';'); end++) {
      if (element[end] == '"') quoted = !quoted;
    }
    const std::string_view pair = trimmed(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    const size_t equals = pair.find('=');
    if (equals == pair.npos || !same(pair.substr(0, equals), "for")) continue;
    if (found.data()) return {};
    found = unquoted(pair.substr(equals + 1));
    if (!found.data()) return {};
  }
  return found;
}

}  // namespace

std::string Forwarding::client_of(std::string_view peer, std::string_view head) const {
  std::string out(peer);
  if (!any_network_holds(proxies, peer)) return out;
  std::vector<std::string_view> lines;
  for_each_value(head, standard ? "forwarded" : "x-forwarded-for", [&](std::string_view value) {
    lines.push_back(value);
    return true;
  });
  std::optional<in6_addr> last;
  size_t hops = 0;
  for (; !lines.empty(); lines.pop_back()) {
    std::string_view& list = lines.back();
    while (!list.empty()) {
      const std::optional<std::string_view> element = take_last(list);
      if (!element || ++hops > kMaxForwardingHops) return out;
      if (element->empty()) continue;  // RFC 9110 5.6.1
      in6_addr named{};
      const std::string_view node = standard ? for_in(*element) : *element;
      if (node == kUnixPeer && any_network_holds(proxies, node)) continue;
      if (!parse_node(node, &named)) return out;
      if (!any_network_holds(proxies, named)) return address_text(named);
      last = named;
    }
  }
  // All of them are proxies: the first has asked for itself.
  return last ? address_text(*last) : out;
}

}  // namespace sealgate
