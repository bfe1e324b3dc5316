// JSON as lines of logs need it: strings (RFC 8259 7) and points in time (RFC 3339, UTC, milliseconds).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sealgate {

// A JSON string with its quotes. What clients sent need not be UTF-8: each byte above 0x7e is shown as the
// character of its number.
void append_json(std::string& out, std::string_view text);

std::string rfc3339(int64_t microseconds_since_epoch);

}  // namespace sealgate
