// Clocks (clock_gettime(2)) in the units that their users need.
#pragma once

#include <time.h>

#include <cstdint>

namespace sealgate {

inline timespec read_clock(clockid_t clock) {
  timespec t;
  ::clock_gettime(clock, &t);
  return t;
}

// Milliseconds at the kernel's last timer tick: coarse, but cheap enough for every turn of an event loop.
inline int64_t monotonic_ms() {
  const timespec t = read_clock(CLOCK_MONOTONIC_COARSE);
  return t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

// Microseconds since some point in the past.
inline int64_t monotonic_us() {
  const timespec t = read_clock(CLOCK_MONOTONIC);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}

// CPU time of the calling thread in nanoseconds.
inline int64_t thread_cpu_ns() {
  const timespec t = read_clock(CLOCK_THREAD_CPUTIME_ID);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

// Microseconds since the epoch.
inline int64_t realtime_us() {
  const timespec t = read_clock(CLOCK_REALTIME);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}

}  // namespace sealgate
