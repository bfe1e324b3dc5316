// Text as HTTP compares it: without regard to the case of ASCII, and without the blanks around a value.
#pragma once

#include <strings.h>

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

// A name's last dot stands for the root of all names, which is there without it too (RFC 3986 3.2.2).
inline std::string_view without_root(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

}  // namespace sealgate
