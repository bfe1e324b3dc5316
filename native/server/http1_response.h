// What HTTP/1.1 makes of a response: the text of its head (RFC 9112 4 and 5), with the fields that are the
// protocol's own, and the text that is kept with a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/response.h"

namespace sealgate {

// What the head says of the connection.
struct Http1Connection {
  bool goes_on = true;  // with a further request
  bool http10 = false;  // to such a client, which does not assume it
  int64_t idle_ms = 0;  // milliseconds for which it lasts then
};

void append_head(std::string& text, const ResponseHead& head, const Http1Connection& connection);

// The head, and behind it the body where the plan's answer has it. Only its date changes.
struct Http1Answer final : KeptAnswer {
  std::string text;
  size_t date = 0;    // where the 29 bytes of Date stand
  int64_t dated = 0;  // seconds since the epoch now written there

  size_t bytes() const override { return text.size(); }
  // Writes the date of now. False when the answer says something else by now than the plan would.
  bool renew(const DeliverPlan& plan, const Answering& answering);
};
// `response` is the answer to a request for all of the plan's content, on a connection that goes on.
std::unique_ptr<Http1Answer> keep_answer(const Response& response, const Answering& answering);

}  // namespace sealgate
