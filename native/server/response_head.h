// ResponseHead: the status and the fields of a response, in the order in which they leave. How they are said,
// and what a protocol adds of its own (Connection, Keep-Alive and Transfer-Encoding are HTTP/1.1's), is the
// session's business. Names and values are views: of the plan, of what all answers of a reactor share, or of
// what was written into the head itself. They are good while Session::respond() runs, and a session has no
// more use for them afterwards.
#pragma once

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sealgate {

struct HeadField {
  std::string_view name, value;
};

class ResponseHead {
 public:
  ResponseHead() = default;
  ResponseHead(const ResponseHead&) = delete;  // its views are of itself
  ResponseHead& operator=(const ResponseHead&) = delete;

  int status = 0;
  // Digest, date, range, length and the boundary of one response take some 240 bytes.
  static constexpr size_t kValueBytes = 320;

  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void add_number(std::string_view name, uint64_t value) {
    const size_t from = written_;
    write(value);
    add(name, since(from));
  }
  const std::vector<HeadField>& fields() const { return fields_; }

  // Values that are put together here: what is written one after another stands together, since().
  size_t written() const { return written_; }
  void write(std::string_view text) { text.copy(room(text.size()), text.size()); }
  void write(uint64_t number) {
    char digits[20];
    write({digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, number).ptr - digits)});
  }
  char* room(size_t bytes) {
    assert(written_ + bytes <= values_.size());
    return values_.data() + std::exchange(written_, written_ + bytes);
  }
  std::string_view since(size_t from) const { return {values_.data() + from, written_ - from}; }

  // Keeps its memory for the next.
  void clear() {
    status = 0;
    fields_.clear();
    written_ = 0;
  }

 private:
  std::vector<HeadField> fields_;
  std::array<char, kValueBytes> values_;
  size_t written_ = 0;
};

}  // namespace sealgate
