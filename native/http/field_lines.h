// The lines of a request's head, for fields that Request has no place for.
#pragma once

#include <string_view>

#include "base/text.h"

namespace sealgate {

// Calls `take` with the value of each line of that name, without the blanks around it, until it returns
// false. `head`: as Request::head. `name`: in lower case.
template <typename Take>
void for_each_value(std::string_view head, std::string_view name, Take take) {
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != line.npos && same(line.substr(0, colon), name) && !take(trimmed(line.substr(colon + 1))))
      return;
    if (end == head.npos) return;
    head.remove_prefix(end + 2);
  }
}

// The value of the first line of that name; data() == nullptr when there is none.
inline std::string_view first_value(std::string_view head, std::string_view name) {
  std::string_view found;
  for_each_value(head, name, [&](std::string_view value) {
    found = value;
    return false;
  });
  return found;
}

}  // namespace sealgate
