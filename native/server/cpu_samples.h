// CpuSamples: what pieces of a thread's work cost, from one in 32 of them, drawn at random: reading the
// thread's CPU clock is a system call, too dear for each. Multiplied, the samples estimate the whole.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sealgate {

class CpuSamples {
 public:
  static constexpr uint64_t kOneIn = 32;

  // The thread's CPU time, nanoseconds, when the piece that begins is drawn; 0 when it is not.
  int64_t begin() {
    drawn_ ^= drawn_ << 13;  // Marsaglia's xorshift
    drawn_ ^= drawn_ >> 7;
    drawn_ ^= drawn_ << 17;
    return drawn_ % kOneIn == 0 ? thread_cpu_ns() : 0;
  }
  // Nanoseconds that the piece which began then stands for.
  static uint64_t end(int64_t began) { return static_cast<uint64_t>(thread_cpu_ns() - began) * kOneIn; }

 private:
  uint64_t drawn_ = 0x9e3779b97f4a7c15;
};

}  // namespace sealgate
