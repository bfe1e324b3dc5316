// Http2Head: puts the fields of one HTTP/2 request (RFC 9113 8.3) together into a Request, in the form that
// HTTP/1.1 would have brought them in: all behind the session reads both alike. nghttp2 has decoded them and
// has checked names, values and the order of pseudo-header fields; what it lets through is judged here.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http_limits.h"
#include "http/problem.h"
#include "http/request.h"

namespace sealgate {

class Http2Head {
 public:
  // Empties the request. Both arguments outlive the head.
  Http2Head(const HttpLimits& limits, Request& request);

  // False when the head is so far beyond its limit that not even a refusal is worth reading on for. Fields
  // beyond the limit are dropped, and finish() refuses the request.
  bool add(std::string_view name, std::string_view value);
  // Call it after the last field: the request is complete, or is to be refused.
  Problem finish(bool has_body);

 private:
  struct Span {
    size_t at = 0, size = 0;
  };

  Span put(std::string_view text);
  std::string_view text(Span span) const {
    return std::string_view(request_.bytes).substr(span.at, span.size);
  }
  void add_pseudo(std::string_view name, std::string_view value);
  void begin_fields();
  void take_field(Field field, Span value);
  Problem check_target();

  const HttpLimits& limits_;
  Request& request_;
  Problem problem_ = Problem::none;
  Span method_, path_, authority_, scheme_;
  std::vector<std::pair<Field, Span>> known_;  // values of the fields that the engine reads
  std::string cookies_;                        // of several lines (RFC 9113 8.2.3)
  size_t fields_at_ = 0;                       // where the lines begin in Request::bytes; 0: not yet
  size_t fields_ = 0;
  size_t size_ = 0;  // as SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113 6.5.2)
  bool has_length_ = false;
};

}  // namespace sealgate
