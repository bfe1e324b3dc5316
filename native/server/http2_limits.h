// What one HTTP/2 connection may ask for, and what is too much of things that cost the server work and the
// client next to nothing (RFC 9113 10.5).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sealgate {

struct Http2Limits {
  static constexpr uint32_t kStreams = 100;              // concurrent
  static constexpr uint32_t kStreamWindow = 65'535;      // for a body that nobody has asked for yet
  static constexpr int32_t kBodyWindow = 1 << 20;        // for one that has a sink
  static constexpr int32_t kConnectionWindow = 1 << 20;  // for all bodies together
  static constexpr size_t kSinks = 1 << 20;              // what sinks share for what they gather
  // One DATA frame with its header fills one TLS record.
  static constexpr size_t kFrameBytes = 16'384 - 9;
  // Resets of streams, of either side, that may come at once, and of which so many a second are forgiven. A
  // page with a hundred images that is left at once, and another one behind it, is no attack; nor is a player
  // that gives up a few segments a second.
  static constexpr uint64_t kResets = 2 * kStreams, kResetsPerSecond = 20;
  static constexpr size_t kContinuations = 8, kSettings = 32, kAcks = 100;
  // Responses whose bytes wait for the socket, and are finished for nghttp2.
  static constexpr size_t kUnsentFrames = 512;
};

// Something that may happen so often at once, and so often a second in the long run.
class Allowance {
 public:
  // Whether another one is allowed. @param now seconds on a clock that does not go back.
  bool take(int64_t now) {
    const auto passed = static_cast<uint64_t>(std::max<int64_t>(now - since_, 0));
    since_ = std::max(since_, now);
    used_ -= std::min(used_, passed * Http2Limits::kResetsPerSecond);
    return ++used_ <= Http2Limits::kResets;
  }

 private:
  int64_t since_ = 0;
  uint64_t used_ = 0;
};

// Bytes that came beside those that somebody has a use for: heads and bodies. Frames without content, window
// updates of a byte, pings and priorities are all cheap to send; a client that sends little else is cut off.
class Usefulness {
 public:
  void received(size_t bytes) { all_ += bytes; }
  void useful(size_t bytes) { useful_ += bytes; }
  bool too_little() const { return all_ / 8 > useful_ + kGift; }

 private:
  static constexpr uint64_t kGift = 64 * 1024;
  uint64_t all_ = 0, useful_ = 0;
};

}  // namespace sealgate
