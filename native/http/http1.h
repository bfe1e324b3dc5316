// Http1: the HTTP/1.1 request parser of one connection (RFC 9112), on llhttp in its strict mode.
// It is pulled: the connection hands it bytes and gets one event a call, so that a request can wait for the
// application without anything being buffered inside the parser.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/http_limits.h"
#include "http/problem.h"

namespace sealgate {

enum class Method : uint8_t { get, head, put, del, options, post, other };

// The fields the engine itself reads. All others only travel to the application inside Request::head.
enum class Field : uint8_t {
  host,
  range,
  if_match,
  if_none_match,
  if_modified_since,
  if_unmodified_since,
  if_range,
  expect,
  authorization,
  count_,
};

struct Request {
  Method method = Method::other;
  std::string_view method_name;  // as sent: "GET"
  std::string_view target;  // origin-form, "*" or authority; absolute-form arrives reduced to origin-form
  std::string_view head;    // the field lines as sent, CRLF between and after, without the empty line
  std::array<std::string_view, static_cast<size_t>(Field::count_)> fields;  // data() == nullptr where absent
  uint64_t content_length = 0;                                              // when has_body and not chunked
  bool has_body = false;
  bool chunked = false;
  bool keep_alive = false;  // after this request, by version and Connection
  bool expect_continue = false;
  bool http10 = false;

  std::string_view field(Field f) const { return fields[static_cast<size_t>(f)]; }
};

class Http1 {
 public:
  enum class Event : uint8_t {
    more,      // everything given was consumed, more bytes are needed
    head,      // request() is complete and valid until the next head begins, see retain()
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
  // Event::head the caller may do other things first.
  Step next(const char* data, size_t size);

  const Request& request() const { return request_; }
  // Makes request() own its bytes. Must be called before the buffer behind the last next() is reused
  // while the request is still needed.
  void retain();
  // True between messages: nothing of the next request has arrived (leading CRLF does not count).
  bool idle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Request request_;
};

}  // namespace sealgate
