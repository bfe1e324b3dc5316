#include "http/request_syntax.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace sealgate {

// Compares the length first, which rules out most fields.
Field field_of(std::string_view name) {
  switch (name.size()) {
    case 4: return same(name, "host") ? Field::host : Field::count_;
    case 5: return same(name, "range") ? Field::range : Field::count_;
    case 6: return same(name, "expect") ? Field::expect : Field::count_;
    case 8:
      if (same(name, "if-match")) return Field::if_match;
      return same(name, "if-range") ? Field::if_range : Field::count_;
    case 13:
      if (same(name, "if-none-match")) return Field::if_none_match;
      return same(name, "authorization") ? Field::authorization : Field::count_;
    case 17: return same(name, "if-modified-since") ? Field::if_modified_since : Field::count_;
    case 19: return same(name, "if-unmodified-since") ? Field::if_unmodified_since : Field::count_;
    default: return Field::count_;
  }
}

bool is_list(Field field) {
  return field == Field::if_match || field == Field::if_none_match || field == Field::expect;
}

void join_list(Request& request, Field field, std::string_view value) {
  std::string_view& known = request.fields[static_cast<size_t>(field)];
  if (!request.joined) request.joined = std::make_unique<Request::Joined>();
  std::string& whole = (*request.joined)[static_cast<size_t>(field)];
  if (known.data() != whole.data()) whole = known;
  known = whole.append(", ").append(value);  // RFC 9110 5.3
}

// Returns the next element without surrounding white space and removes it from `list`.
std::string_view take_element(std::string_view& list) {
  const size_t comma = std::min(list.find(','), list.size());
  const std::string_view element = trimmed(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return element;
}

bool lists_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    if (same(take_element(list), token)) return true;
  }
  return false;
}

bool expects_continue_alone(std::string_view expectations) {
  bool any = false;
  while (!expectations.empty()) {
    const std::string_view each = take_element(expectations);
    if (!each.empty() && !same(each, "100-continue")) return false;
    any = any || !each.empty();
  }
  return any;
}

// For each byte value, whether it is allowed.
using Bytes = std::array<bool, 256>;

constexpr bool all_in(std::string_view text, const Bytes& allowed) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) { return allowed[c]; });
}

bool is_token(std::string_view text) {
  static constexpr auto kAllowed = [] {
    Bytes allowed{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "abcdefghijklmnopqrstuvwxyz")) {
      allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
  }();
  return !text.empty() && all_in(text, kAllowed);
}

bool is_host(std::string_view host) {
  static constexpr auto kAllowed = [] {
    Bytes allowed{};
    for (unsigned char c = '!'; c < 0x7f; c++) allowed[c] = true;
    for (const char c : std::string_view("/?#@\\,")) allowed[static_cast<unsigned char>(c)] = false;
    return allowed;
  }();
  return all_in(host, kAllowed);
}

Opening opening_of(std::string_view text) {
  constexpr size_t kLongestMethod = 32;
  const auto in_method = [](unsigned char c) { return c == '-' || c == '_' || std::isalpha(c); };
  const auto end = std::find_if_not(text.begin(), text.end(), in_method);
  const auto size = static_cast<size_t>(end - text.begin());
  if (size > kLongestMethod) return Opening::no_method;
  if (end == text.end()) return Opening::open;
  return size > 0 && *end == ' ' ? Opening::method : Opening::no_method;
}

Problem problem_of_coding(std::string_view codings) {
  bool chunked = false;
  for (size_t from = 0; from <= codings.size();) {
    const size_t comma = std::min(codings.find(',', from), codings.size());
    if (chunked) return Problem::framing_ambiguous;
    chunked = same(trimmed(codings.substr(from, comma - from)), "chunked");
    from = comma + 1;
  }
  if (!chunked) return Problem::framing_ambiguous;
  return same(codings, "chunked") ? Problem::none : Problem::coding_unknown;
}

bool normalize_target(std::string_view& target, Method method, std::string_view& authority) {
  static constexpr auto kAllowed = [] {
    Bytes allowed{};
    for (unsigned char c = '!'; c < 0x7f; c++) allowed[c] = c != '#';
    return allowed;
  }();
  if (target.empty() || !all_in(target, kAllowed)) return false;
  if (target == "*") return method == Method::options;
  if (target.front() == '/') return true;
  const bool http = same(target.substr(0, 7), "http://");
  if (!http && !same(target.substr(0, 8), "https://")) return false;
  const std::string_view rest = target.substr(http ? 7 : 8);
  const size_t path = rest.find_first_of("/?");
  if (path != std::string_view::npos && rest[path] == '?') return false;
  const std::string_view whom = rest.substr(0, path);
  // A URL of http or https has a host, and user information does not belong there (RFC 9110 4.2.1, 4.2.4).
  if (whom.empty() || whom.front() == ':' || !is_host(whom)) return false;
  authority = whom;
  // A URL without a path means "/". The second slash of "//" serves as it, so that the view stays inside the
  // head.
  target = path == std::string_view::npos ? target.substr(http ? 6 : 7, 1) : rest.substr(path);
  return true;
}

}  // namespace sealgate
