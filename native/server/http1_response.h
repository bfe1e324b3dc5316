// The HTTP/1.1 text of a response: its head (RFC 9112 4 and 5) with the fields that belong to HTTP/1.1,
// and the text that is kept with a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/response.h"

namespace sealgate {

class KeptFields;

// What the head says about the connection.
struct Http1Connection {
  bool goes_on = true;   // another request may follow
  bool http10 = false;   // the client speaks HTTP/1.0
  int64_t idle_ms = 0;   // how long the connection may then be idle, milliseconds
  bool chunked = false;  // the body comes in chunks
};

void append_head(std::string& text, const ResponseHead& head, const Http1Connection& connection);

// The head, and the body behind it when that is kept. Only the date and the request's id change.
struct Http1Answer final : KeptAnswer {
  std::string text;
  size_t date = 0;    // offset of the 29 bytes of Date
  int64_t dated = 0;  // the date written there, seconds since the epoch
  size_t number = 0;  // offset of the digits by which the request's id differs from others; 0: there is no id
  size_t common = 0;  // from this offset on the text never changes
  std::shared_ptr<const KeptFields> fields;  // the head for HTTP/2, made when one asks for it first

  size_t bytes() const override;
  // Writes the current date. False when the plan's answer differs in more than that by now.
  bool renew(const DeliverPlan& plan, const Answering& answering);
};
// `response` answers a request for the whole content, on a connection that stays open.
std::unique_ptr<Http1Answer> keep_answer(const Response& response, const Answering& answering);

}  // namespace sealgate
