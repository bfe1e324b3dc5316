// Evidence: ties a file's content to the moment when it was verified: inode and ctime, and the means by
// which the kernel has kept the file from changing since then. It is recorded with the blob as text:
// "<inode>:<ctime seconds>.<nanoseconds>", then " immutable" or " verity:<64 hex digits>". Only the engine
// reads that text.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sealgate {

// The means by which the kernel keeps a file from being changed.
enum class Hold : uint8_t {
  none,
  immutable,  // the attribute of chattr(1) +i
  verity,     // fs-verity
};

// The digest by which fs-verity knows a file: the root of a hash tree, which is not the SHA-256 of its bytes.
using VerityDigest = std::array<uint8_t, 32>;

struct Evidence {
  uint64_t inode = 0;  // 0: evidence of no file
  int64_t seconds = 0, nanoseconds = 0;
  Hold hold = Hold::none;
  VerityDigest verity{};  // all zero without fs-verity

  Evidence() = default;
  // A text of any other form is evidence of no file.
  Evidence(std::string_view text);  // NOLINT: a record's evidence is text wherever it comes from
  Evidence(const std::string& text) : Evidence(std::string_view(text)) {}  // NOLINT: likewise
  explicit Evidence(const struct stat& st);
  std::string text() const;
  // Whether the file is the inode that was verified, unchanged since then.
  bool fits(const struct stat& st) const;
};

// The evidence of a file that the kernel does not hold.
std::string evidence_of(const struct stat& st);

}  // namespace sealgate
