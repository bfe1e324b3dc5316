// Waiting for a descriptor, as a reactor would.
#pragma once

#include <poll.h>

namespace sealgate {

constexpr int kPatience = 60'000;  // milliseconds: for what is certain to come

inline bool readable(int fd, int timeout_ms) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, timeout_ms) == 1;
}

}  // namespace sealgate
