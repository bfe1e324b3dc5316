#include "http/cmcd.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "http/field_lines.h"

namespace sealgate {
namespace {

constexpr std::string_view kArgument = "CMCD=";
constexpr std::string_view kFields[] = {"cmcd-object", "cmcd-request", "cmcd-status", "cmcd-session"};
constexpr size_t kMostDigits = 15;  // RFC 8941 3.3.1

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 8941 3.1.2; players send upper case, too.
bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' ||
         c == '.' || c == '*';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// False: a percent sign is not followed by two digits.
bool append_decoded(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// Where the value ends that the text begins with: at a comma outside of strings and lists. npos: a string or
// list does not end.
size_t value_end(std::string_view text) {
  bool quoted = false;
  size_t lists = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') i++;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '(') {
      lists++;
    } else if (c == ')') {
      if (lists == 0) return text.npos;
      lists--;
    } else if (c == ',' && lists == 0) {
      return i;
    }
  }
  return quoted || lists > 0 ? text.npos : text.size();
}

// Whether it is a number in JSON and in RFC 8941, both of which have bounds that the other has not.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, dot);
  if (whole.empty() || whole.size() > kMostDigits || (whole.size() > 1 && whole[0] == '0')) return false;
  if (!std::all_of(whole.begin(), whole.end(), is_digit)) return false;
  if (dot == text.size()) return true;
  const std::string_view rest = text.substr(dot + 1);
  return !rest.empty() && rest.size() <= 3 && std::all_of(rest.begin(), rest.end(), is_digit);
}

// A string without its quotes; undefined where the value is no string alone.
std::optional<std::string> unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return {};
  std::string out;
  for (size_t i = 1; i < value.size(); i++) {
    if (value[i] == '"') return i + 1 == value.size() ? std::optional(out) : std::nullopt;
    if (value[i] == '\\' && i + 1 < value.size()) i++;
    out.push_back(value[i]);
  }
  return {};
}

void append_value(std::string& out, std::string_view value, std::string (*shown)(std::string_view)) {
  if (!value.data() || value == "?1") {
    out.append("true");
  } else if (value == "?0") {
    out.append("false");
  } else if (is_number(value)) {
    out.append(value);
  } else {
    const std::optional<std::string> string = unquoted(value);
    const std::string text = shown(string ? std::string_view(*string) : value);
    append_json(out, std::string_view(text).substr(0, Cmcd::kMostValueBytes));
  }
}

// Calls `take` with each argument of a query, until it returns false.
template <typename Take>
void each_argument(std::string_view query, const Take& take) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    if (!take(query.substr(0, end))) return;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
}

}  // namespace

bool Cmcd::read(std::string_view target, std::string_view head) {
  if (const size_t mark = target.find('?'); mark != target.npos) take_query(target.substr(mark + 1));
  take_fields(head);
  if (any_) parse();
  return any_;
}

void Cmcd::take_query(std::string_view query) {
  each_argument(query, [this](std::string_view argument) {
    if (!argument.starts_with(kArgument)) return true;
    argument.remove_prefix(kArgument.size());
    std::string decoded;
    // Three bytes may be one.
    if (argument.size() > 3 * kMostBytes || !append_decoded(decoded, argument))
      malformed_ = any_ = true;
    else
      take(decoded);
    return false;
  });
}

void Cmcd::take_fields(std::string_view head) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (line.size() < 5 || !same(line.substr(0, 5), "cmcd-")) continue;
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const auto is_name = [&](std::string_view each) { return same(each, name); };
    if (colon != line.npos && std::any_of(std::begin(kFields), std::end(kFields), is_name))
      take(trimmed(line.substr(colon + 1)));
  }
}

void Cmcd::take(std::string_view said) {
  any_ = true;
  if (said.size() + said_.size() + 1 > kMostBytes) {
    malformed_ = true;
    return;
  }
  if (!said_.empty()) said_.push_back(',');
  said_.append(said);
}

void Cmcd::parse() {
  std::string_view rest = said_;
  while (!(rest = trimmed(rest)).empty()) {
    const auto key_end = std::find_if_not(rest.begin(), rest.end(), is_key_byte);
    const std::string_view key = rest.substr(0, static_cast<size_t>(key_end - rest.begin()));
    rest.remove_prefix(key.size());
    std::string_view value;
    if (rest.starts_with('=')) {
      rest.remove_prefix(1);
      const size_t end = value_end(rest);
      if (end == rest.npos) break;
      value = trimmed(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    rest = trimmed(rest);
    const bool ends = rest.empty() || rest.front() == ',';
    if (!ends || key.empty() || key.size() > kMostKeyBytes || (value.data() && value.empty()) ||
        items_.size() == kMostKeys)
      break;
    if (find(key))
      malformed_ = true;
    else
      items_.push_back({key, value});
    if (rest.empty()) return;
    rest.remove_prefix(1);
  }
  malformed_ = true;  // it broke off, ended behind a comma, or was empty
}

const Cmcd::Item* Cmcd::find(std::string_view key) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.key == key; });
  return found == items_.end() ? nullptr : &*found;
}

bool Cmcd::is_true(std::string_view key) const {
  const Item* const item = find(key);
  return item && (!item->value.data() || item->value == "?1");
}

std::string_view Cmcd::value(std::string_view key) const {
  const Item* const item = find(key);
  return item ? item->value : std::string_view();
}

std::optional<uint64_t> Cmcd::number(std::string_view key) const {
  std::string_view text = value(key);
  if (text.starts_with('(')) text.remove_prefix(1);
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  text = text.substr(0, static_cast<size_t>(end - text.begin()));
  uint64_t out = 0;
  if (text.empty() || text.size() > kMostDigits || !read_number(text, &out)) return {};
  return out;
}

std::string Cmcd::text(std::string (*shown)(std::string_view)) const {
  std::string out;
  for (const auto& [key, value] : items_) {
    out.push_back(out.empty() ? '{' : ',');
    append_json(out, key);
    out.push_back(':');
    append_value(out, value, shown);
  }
  return out.empty() ? "{}" : out + "}";
}

std::string without_cmcd(std::string_view target) {
  const size_t mark = std::min(target.find('?'), target.size());
  std::string out(target.substr(0, mark));
  char join = '?';
  each_argument(target.substr(std::min(mark + 1, target.size())), [&](std::string_view argument) {
    if (argument.starts_with(kArgument)) return true;
    out.append(1, join).append(argument);
    join = '&';
    return true;
  });
  return out;
}

}  // namespace sealgate
