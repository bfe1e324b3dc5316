// Http1: the HTTP/1.1 request parser of one connection (RFC 9112), on llhttp in its strict mode. The caller
// pulls: each call takes bytes and returns one event, so that a request can wait for the application without
// buffering inside the parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/http_limits.h"
#include "http/problem.h"
#include "http/request.h"

namespace sealgate {

class Http1 {
 public:
  enum class Event : uint8_t {
    more,      // everything given was consumed, more bytes are needed
    head,      // the request is complete
    body,      // step.body is a piece of the decoded body, a view into the given bytes
    complete,  // the message ended; trailers were read and dropped. Bytes not consumed belong to the next one
    failed,    // step.problem says why; the connection cannot be parsed any further
  };
  struct Step {
    Event event;
    Problem problem = Problem::none;
    size_t consumed = 0;  // bytes of this call's input that are done with
    std::string_view body;
  };

  explicit Http1(const HttpLimits& limits);
  ~Http1();
  Http1(const Http1&) = delete;
  Http1& operator=(const Http1&) = delete;

  // One event from data[0..size). Call again with what is left until Event::more, except that after
  // Event::head the caller may do other things first. A head is read into `request`, whose memory holds what
  // has arrived of it: it has to be the same one until Event::head.
  Step next(const char* data, size_t size, Request& request);

  // Whether the parser is between messages. CRLF before a request does not count as its beginning.
  bool idle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sealgate
