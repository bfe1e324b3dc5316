// The head of a response as HTTP/2 sends it (RFC 9113 8.3.2): a list for nghttp2, which codes it. That of a
// kept answer is made once, of the text that is kept for HTTP/1.1.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http1_response.h"

namespace sealgate {

// A list of fields; what it refers to has to stay until it is coded, or copied.
class Http2Fields {
 public:
  // Names and values are copied by nghttp2 when the response is submitted.
  void set(const ResponseHead& head);
  const std::vector<nghttp2_nv>& list() const { return list_; }

 protected:
  void add_status(int status, uint8_t flags);
  void add(std::string_view name, std::string_view value, uint8_t flags);

  std::vector<nghttp2_nv> list_;
  char status_[4] = {};
};

// The head of a kept answer. The answer has to stay until the response is sent, because only the values that
// change are copied.
class KeptFields final : public Http2Fields {
 public:
  explicit KeptFields(const Http1Answer& answer);
  std::string_view body() const { return body_; }
  size_t bytes() const { return sizeof *this + names_.capacity() + list_.capacity() * sizeof list_[0]; }

 private:
  std::string names_;  // in lower case
  std::string_view body_;
};

}  // namespace sealgate
