// ChunkLines: checks the lines between the chunks of a chunked body (chunk sizes, chunk ends, trailers)
// against the grammar (RFC 9112 7.1). llhttp accepts more than that, and request smuggling exploits what two
// parsers read differently. Of chunk extensions llhttp accepts less, so it is not given them: they mean
// nothing here, and end before the CRLF that llhttp reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace sealgate {

class ChunkLines {
 public:
  // Must be called before each body.
  void restart();
  // Checks the next bytes outside of chunk data. False when they break the grammar. The caller limits their
  // number.
  bool take(std::string_view bytes);
  // The next bytes of chunk data were read.
  void take_data(size_t bytes) { data_left_ -= std::min<uint64_t>(bytes, data_left_); }
  // How many of the next bytes precede the next chunk extension, up to the end of the next chunk's size line.
  size_t before_extension(std::string_view next) const;
  // Whether no line is incomplete, which must be so at the end of a body.
  bool whole() const { return line_.empty(); }

 private:
  enum class Expect { size, end_of_data, trailer };
  bool take_line(std::string_view line);

  Expect expect_ = Expect::size;
  std::string line_;        // an incomplete line
  uint64_t data_left_ = 0;  // bytes of the current chunk that have not been read
};

}  // namespace sealgate
