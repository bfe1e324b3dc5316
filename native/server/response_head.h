// ResponseHead: the status and fields of a response, in the order in which they are sent. The session
// writes them, with the fields that belong to its protocol (Connection, Keep-Alive and Transfer-Encoding
// are HTTP/1.1's). Names and values are views of the plan, of Answering, or of the head's own buffer. They
// are valid only during Session::respond().
#pragma once

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
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
  ResponseHead(const ResponseHead&) = delete;  // its fields may be views of its own buffer
  ResponseHead& operator=(const ResponseHead&) = delete;

  int status = 0;
  // One response needs some 240 bytes for its digest, date, range, length and boundary.
  static constexpr size_t kValueBytes = 320;

  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void add_number(std::string_view name, uint64_t value) {
    const size_t from = written_;
    write(value);
    add(name, since(from));
  }
  void replace_last(std::string_view value) { fields_.back().value = value; }
  const std::vector<HeadField>& fields() const { return fields_; }

  // The buffer for values that are composed of several pieces: write() appends a piece, since() returns
  // all pieces from a position on.
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

  // Keeps the memory for the next response.
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

// The head of an interim response (RFC 9110 15.2).
class InterimHead : public ResponseHead {
 public:
  InterimHead(int code, const std::vector<std::pair<std::string, std::string>>& fields) {
    status = code;
    for (const auto& [name, value] : fields) add(name, value);
  }
};

}  // namespace sealgate
