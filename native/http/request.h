// Request: what the head of a request says, and the bytes in which it says it. It is their only owner: every
// view in it is of its own memory and holds until the next head is read into it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Method method = Method::other;
  std::string_view method_name;  // as sent: "GET"
  std::string_view target;       // origin-form or "*"; absolute-form arrives reduced to origin-form
  std::string_view head;         // the field lines as sent, CRLF between and after, without the empty line
  // data() == nullptr where absent. In the place of Host stands the authority of a target in absolute-form,
  // which replaces it (RFC 9112 3.2.2).
  std::array<std::string_view, static_cast<size_t>(Field::count_)> fields;
  uint64_t content_length = 0;  // when has_body and not chunked
  bool has_body = false;
  bool chunked = false;
  bool keep_alive = false;  // after this request, by version and Connection
  bool expect_continue = false;
  bool http10 = false;

  std::string_view field(Field f) const { return fields[static_cast<size_t>(f)]; }
  bool only_reads() const { return method == Method::get || method == Method::head; }

  // The head as it arrived, as far as it has; the views above are of it, or of `joined`.
  std::string bytes;
  // Values of lists that came in several lines, put together.
  using Joined = std::array<std::string, static_cast<size_t>(Field::count_)>;
  std::unique_ptr<Joined> joined;

  // Makes the request empty again and keeps its memory, which the next head is read into.
  void clear() {
    bytes.clear();
    if (joined) joined.reset();
    method = Method::other;
    method_name = target = head = {};
    fields = {};
    content_length = 0;
    has_body = chunked = keep_alive = expect_continue = http10 = false;
  }
};

}  // namespace sealgate
