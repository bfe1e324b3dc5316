// BodySink: where the body of one request goes, and the server resources that are held for it meanwhile. A
// sink that is destroyed before hand_over() discards the body and tells the application so.
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

  // Memory into which the next bytes may be received directly, which spares a copy; empty when there is
  // none.
  virtual std::span<char> room() = 0;
  // Whether the sink can take no bytes now. It resumes its exchange when it can again.
  virtual bool waits() const = 0;
  // Takes bytes and returns how many it took: fewer than given when the rest must wait. Bytes that were
  // received into room() are not copied.
  virtual size_t append(std::string_view bytes) = 0;
  virtual void finish() = 0;  // call it after the last append()
  // No further bytes are there at the moment: those that were taken need not wait for more.
  virtual void pass_on() {}
  // Applies what other threads have done since the last call. Returns whether anything changed.
  virtual bool settle() { return false; }
  // After finish(): whether the whole body is stored, so that hand_over() may be called.
  virtual bool whole() const = 0;
  virtual Status failure() const { return {}; }
  // Passes the body to the application, which owns it from then on.
  virtual void hand_over() = 0;

  uint64_t most_bytes() const { return most_bytes_; }
  uint64_t received() const { return received_; }

 protected:
  // `request`: the number by which the application knows the exchange.
  BodySink(Reactor& reactor, uint64_t request, uint64_t most_bytes)
      : reactor_(reactor), request_(request), most_bytes_(most_bytes) {}

  Reactor& reactor_;
  const uint64_t request_;
  const uint64_t most_bytes_;
  uint64_t received_ = 0;
  bool handed_over_ = false;
};

}  // namespace sealgate
