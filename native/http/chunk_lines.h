// ChunkLines: checks the lines between the chunks of a chunked body (chunk sizes, chunk ends, trailers)
// against the grammar (RFC 9112 7.1). llhttp accepts more than that, and request smuggling exploits what two
// parsers read differently.
#pragma once

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
  // Whether no line is incomplete, which must be so at the end of a body.
  bool whole() const { return line_.empty(); }

 private:
  enum class Expect { size, end_of_data, trailer };
  bool take_line(std::string_view line);

  Expect expect_ = Expect::size;
  std::string line_;  // an incomplete line
};

}  // namespace sealgate
