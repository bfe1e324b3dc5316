// BodySink: where the body of one request goes, with all that is held of the server for it meanwhile. When it
// ends before the body was handed over, the body is given up, and the application is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"

namespace sealgate {

class Reactor;

class BodySink {
 public:
  virtual ~BodySink() = default;
  BodySink(const BodySink&) = delete;
  BodySink& operator=(const BodySink&) = delete;

  // Where the next bytes may be received, to spare a copy; nothing where there is no place for that.
  virtual std::span<char> room() = 0;
  // Whether it can take nothing before it has come back to its exchange.
  virtual bool waits() const = 0;
  // How many of the bytes were taken; fewer when they have to wait. Those that stand in room() are not
  // copied.
  virtual size_t append(std::string_view bytes) = 0;
  virtual void finish() = 0;  // everything was appended
  // Hears what other threads did since the last call; true when that was something.
  virtual bool settle() { return false; }
  virtual bool whole() const = 0;  // after finish(), at once or once it was settled: it may be handed over
  virtual Status failure() const { return {}; }
  // Gives the body to the application, whose it is from here on.
  virtual void hand_over() = 0;

  uint64_t most_bytes() const { return most_bytes_; }
  uint64_t received() const { return received_; }

 protected:
  // `request` is the application's name for the exchange.
  BodySink(Reactor& reactor, uint64_t request, uint64_t most_bytes)
      : reactor_(reactor), request_(request), most_bytes_(most_bytes) {}

  Reactor& reactor_;
  const uint64_t request_;
  const uint64_t most_bytes_;
  uint64_t received_ = 0;
  bool handed_over_ = false;
};

}  // namespace sealgate
