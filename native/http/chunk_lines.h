// ChunkLines: what stands between the bytes of a chunked body (RFC 9112 7.1), checked line by line as the
// grammar has it. Parsers differ in what else they let pass here, and requests are smuggled through what two
// of them read differently.
#pragma once

#include <string>
#include <string_view>

namespace sealgate {

class ChunkLines {
 public:
  // For a body that begins.
  void restart();
  // The next bytes that are no data of a chunk. False when a line of them is none that may stand there. The
  // caller bounds how many there are.
  bool take(std::string_view bytes);
  // Whether the last line that began has ended, as it must have where the body does.
  bool whole() const { return line_.empty(); }

 private:
  enum class Expect { size, end_of_data, trailer };
  bool take_line(std::string_view line);

  Expect expect_ = Expect::size;
  std::string line_;  // what has arrived of one that has no end yet
};

}  // namespace sealgate
