// CpuSamples: estimates the CPU time of a thread's work by kind. Reading the thread's CPU clock is a
// system call, too expensive for each piece of work, so one piece in 32, drawn at random, is measured and
// multiplied.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sealgate {

class CpuSamples {
 public:
  static constexpr uint64_t kOneIn = 32;

  // Call it when a piece of work begins. Returns the CPU time of the thread in nanoseconds if the piece is
  // to be measured, else 0.
  int64_t begin() {
    drawn_ ^= drawn_ << 13;  // Marsaglia's xorshift
    drawn_ ^= drawn_ >> 7;
    drawn_ ^= drawn_ << 17;
    return drawn_ % kOneIn == 0 ? thread_cpu_ns() : 0;
  }
  // Call it at the end of a measured piece, with what begin() returned. Returns the nanoseconds of all the
  // pieces that this one stands for.
  static uint64_t end(int64_t began) { return static_cast<uint64_t>(thread_cpu_ns() - began) * kOneIn; }

 private:
  uint64_t drawn_ = 0x9e3779b97f4a7c15;
};

}  // namespace sealgate
