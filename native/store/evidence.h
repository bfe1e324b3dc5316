// Evidence: what ties a file's content to the moment it was verified: its inode, its ctime, and by what the
// kernel has kept it from being changed since then. Kept with a blob's record as text: "<inode>:<ctime
// seconds>.<nanoseconds>", then " immutable" or " verity:<64 hex digits>". To all but the engine it is
// opaque.
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
  uint64_t inode = 0;  // 0: of no file
  int64_t seconds = 0, nanoseconds = 0;
  Hold hold = Hold::none;
  VerityDigest verity{};  // all zero without fs-verity

  Evidence() = default;
  // A text that is not exactly one of the three forms is evidence of no file.
  Evidence(std::string_view text);  // NOLINT: a record's evidence is text wherever it comes from
  Evidence(const std::string& text) : Evidence(std::string_view(text)) {}  // NOLINT: likewise
  explicit Evidence(const struct stat& st);
  std::string text() const;
  // Whether the file is the inode that was verified, unchanged since then.
  bool fits(const struct stat& st) const;
};

// Without a hold.
std::string evidence_of(const struct stat& st);

}  // namespace sealgate
