// Http2Stream: one exchange on a connection with many, and how far it has come on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/deadlines.h"
#include "http/http2_head.h"
#include "server/counters.h"
#include "server/exchange.h"
#include "server/exchange_pool.h"

namespace sealgate {

class Http2Session;

struct Http2Stream final : DeadlineOwner {
  Http2Stream(Http2Session& of, int32_t number, ExchangePool::Taken taken, const HttpLimits& limits)
      : session(of), id(number), exchange(std::move(taken)), head(limits, exchange->request()) {
    deadline.owner = this;
    exchange->stream = this;
  }
  ~Http2Stream() { deadline.disarm(); }
  Http2Stream(const Http2Stream&) = delete;
  Http2Stream& operator=(const Http2Stream&) = delete;
  void on_deadline() override;

  Http2Session& session;
  const int32_t id;
  size_t index = 0;  // in the session's list
  ExchangePool::Taken exchange;
  Http2Head head;
  Deadline deadline;          // of its state
  State state = State::head;  // head, waiting, receiving, sending; lingering: the rest of its body may come
  std::string held;           // bytes of the body that the sink has no room for yet, or that has none yet
  uint64_t mark = 0;          // bytes that had moved when the deadline was last set
  bool body_ended = false;    // the client has sent all
  bool answered = false;      // the response was given to nghttp2
  bool deferred = false;      // its next bytes have to be read from the disk
  bool last_queued = false;   // the response's last frame is in the output
  bool sent = false;          // and has left
  bool closed = false;        // for nghttp2
};

}  // namespace sealgate
