// Session: a protocol on a transport. It turns received bytes into exchanges, and responses into bytes.
// Http1Session has one exchange at a time, Http2Session many.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "server/connection_info.h"

namespace sealgate {

class Exchange;
struct OpenedPlan;

class Session {
 public:
  virtual ~Session() = default;

  // --- called by its transport ---
  // Goes on with whatever is possible, until it has to wait. Called when bytes arrived or can be sent.
  virtual void proceed() = 0;
  // The transport has been in its state for as long as that may last.
  virtual void on_deadline() = 0;
  // Whether the session only waits for the client's next request, and nothing of that has arrived.
  virtual bool idle() const = 0;
  // Whether all that is left to do is to send a response, or to learn what it is.
  virtual bool only_delivers() const = 0;
  // The connection was closed, whatever was under way.
  virtual void on_closed() = 0;
  // Bytes that its exchanges have moved since their current stages began.
  virtual uint64_t moved() const = 0;
  virtual void describe(ConnectionInfo& info) const = 0;
  // The server drains: no further request is to follow what is under way.
  virtual void drain() = 0;
  // As the access log has it: "1.1".
  virtual std::string_view http_version(const Exchange& exchange) const = 0;

  // --- called by its exchanges ---
  // The exchange has asked the application, whose answer may take a while.
  virtual void wait(Exchange& exchange) = 0;
  // How many bytes a further sink may gather before it writes them.
  virtual size_t sink_bytes() const = 0;
  // The exchange has a sink, so its body is to be received. `interim`: of a response 104 that is sent before.
  virtual void receive(Exchange& exchange, const ResponseFields& interim) = 0;
  // The response of the exchange is built, and is to be sent.
  virtual void respond(Exchange& exchange) = 0;
  // Keeps with the plan what respond() would send, for later requests for the whole content. False when
  // the response to this client has fields that others must not get.
  virtual bool keep(Exchange& exchange) = 0;
  // Sends the answer that was kept with the plan, to a request that asks_for_all(). False when this client
  // needs another answer.
  virtual bool repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) = 0;
  // The exchange can go on: the application, the disk or the sink has answered.
  virtual void resume(Exchange& exchange) = 0;
  // The exchange has waited for its file to grow, and goes on when it is its turn. Its clocks begin anew.
  virtual void wake(Exchange& exchange) = 0;
};

}  // namespace sealgate
