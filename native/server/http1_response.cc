#include "server/http1_response.h"

#include <algorithm>

#include "http/status_line.h"
#include "server/http2_response.h"
#include "server/request_id.h"

namespace sealgate {

void append_head(std::string& text, const ResponseHead& head, const Http1Connection& connection) {
  text.append(status_line(head.status));
  for (const auto& [name, value] : head.fields()) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (connection.chunked) text.append("Transfer-Encoding: chunked\r\n");
  if (!connection.goes_on) {
    text.append("Connection: close\r\n");
  } else if (connection.http10) {
    // An HTTP/1.0 client assumes neither that the connection stays open nor for how long (RFC 2068
    // 19.7.1). The time is in whole seconds, rounded down.
    text.append("Connection: keep-alive\r\n");
    if (const int64_t seconds = connection.idle_ms / 1000; seconds > 0)
      text.append("Keep-Alive: timeout=").append(std::to_string(seconds)).append("\r\n");
  }
  text.append("\r\n");
}

size_t Http1Answer::bytes() const { return text.size() + (fields ? fields->bytes() : 0); }

bool Http1Answer::renew(const DeliverPlan& plan, const Answering& answering) {
  if (dated == answering.now) return true;
  if (plan.date_at(answering.now) != plan.last_modified) return false;
  std::copy_n(answering.date, sizeof answering.date, text.data() + date);
  dated = answering.now;
  return true;
}

std::unique_ptr<Http1Answer> keep_answer(const Response& response, const Answering& answering) {
  auto answer = std::make_unique<Http1Answer>();
  answer->has_body = response.body_in_file() == 0;
  append_head(answer->text, response.head, {});
  answer->date = answer->text.find("\r\nDate: ") + 8;
  answer->dated = answering.now;
  answer->common = answer->date + sizeof answering.date;
  if (!response.request_id.empty()) {
    answer->number =
        answer->text.find("\r\n", answer->common) + 2 + kRequestIdField.size() + 2 + kNumberDigits;
    answer->common = answer->number + kNumberDigits;
  }
  answer->text.append(response.memory);
  answer->text.shrink_to_fit();
  return answer;
}

}  // namespace sealgate
