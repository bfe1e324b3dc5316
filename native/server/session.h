// Session: a protocol on a transport. It turns bytes into exchanges and responses into bytes. Http1Session is
// the one there is; an HTTP/2 session stands beside it and has many exchanges at a time.
#pragma once

#include <memory>

#include "server/connection_info.h"

namespace sealgate {

class Exchange;
struct OpenedPlan;

class Session {
 public:
  virtual ~Session() = default;

  // --- for its transport ---
  // Bytes may have arrived, or may be written: goes on until it needs the outside world.
  virtual void proceed() = 0;
  // The transport has been in its state for as long as it may be.
  virtual void on_deadline() = 0;
  // Whether it waits for nothing but the client's next request, of which nothing has arrived.
  virtual bool idle() const = 0;
  // Whether all there is to do is to send something, once it is known what.
  virtual bool only_delivers() const = 0;
  // The connection breaks off here, with whatever was under way.
  virtual void on_closed() = 0;
  // Bytes that exchanges under way have moved since they came to what they are doing.
  virtual uint64_t moved() const = 0;
  virtual void describe(ConnectionInfo& info) const = 0;

  // --- for its exchanges ---
  // The application is asked, so the answer may take a while.
  virtual void wait(Exchange& exchange) = 0;
  // The exchange has a sink: its body is wanted.
  virtual void receive(Exchange& exchange) = 0;
  // The exchange's response is built: it may leave.
  virtual void respond(Exchange& exchange) = 0;
  // What it would say in respond() stays with the response's plan, for whoever asks for all of its content.
  // False when this client is to be told more than all others.
  virtual bool keep(Exchange& exchange) = 0;
  // The answer that it has kept with the plan may leave to a request that asks_for_all(), in the place of a
  // response. False when it is not what the client is to be told.
  virtual bool repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) = 0;
  // The application, the disk or the sink has come back to the exchange.
  virtual void resume(Exchange& exchange) = 0;
};

}  // namespace sealgate
