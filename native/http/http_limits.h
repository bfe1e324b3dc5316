// Limits for request heads. The values come from src/limits.ts and the configuration.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealgate {

struct HttpLimits {
  size_t target_bytes = 8 * 1024;  // request target; beyond: 414
  size_t head_bytes = 32 * 1024;   // request line and fields together; beyond: 431
  size_t fields = 100;             // header fields; beyond: 431
  size_t ranges = 32;              // byte ranges of one request; beyond: 416
};

}  // namespace sealgate
