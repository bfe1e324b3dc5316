#include "base/json.h"

#include <time.h>

#include <cstdio>

namespace sealgate {

void append_json(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte > 0x7e) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out.append(escaped);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string rfc3339(int64_t microseconds_since_epoch) {
  const time_t seconds = static_cast<time_t>(microseconds_since_epoch / 1'000'000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const size_t size = ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof text - size, ".%03dZ",
                static_cast<int>(microseconds_since_epoch / 1000 % 1000));
  return text;
}

}  // namespace sealgate
