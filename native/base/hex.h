// Bytes in hexadecimal.
#pragma once

#include <string>

namespace sealgate {

// In lower case.
inline std::string hex(const unsigned char* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; i++) text.append({kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]});
  return text;
}

}  // namespace sealgate
