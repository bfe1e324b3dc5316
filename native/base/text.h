// Text as HTTP compares it: ASCII case is ignored, and white space around a value is removed. Numbers in a
// text, and its memory.
#pragma once

#include <strings.h>

#include <charconv>
#include <string>
#include <string_view>

namespace sealgate {

inline bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Reads a decimal number, which is all of the text.
template <typename Number>
bool read_number(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// Removes a trailing dot from a host name; it denotes the DNS root, as does its absence (RFC 3986 3.2.2).
inline std::string_view without_root(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// Gives the memory of a text back. `text = std::string()` does not: libstdc++ copies the short text into the
// memory that is there.
inline void free_memory(std::string& text) { std::string().swap(text); }

}  // namespace sealgate
