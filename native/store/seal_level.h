// SealLevel: how well an open file is protected from changes. raise_seal() gives a file its level when a
// blob is placed or proved anew; level_of() checks the level at each opening.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "store/evidence.h"

namespace sealgate {

enum class SealLevel : uint8_t {
  l0,  // content verified, but the file cannot be pinned (link count, mode): copy paths only
  l1,  // digest verified at ingest; mode 0444, one link, size, inode and ctime as recorded: sendfile
  l2,  // the kernel refuses writes: the file is immutable, or its file system is read-only for everybody
  l3,  // fs-verity: the kernel refuses writes and checks what it reads from the disk
  count_,
};

std::string_view seal_level_name(SealLevel level);  // "L1"
std::optional<SealLevel> seal_level_named(std::string_view name);

// The level that a file was given.
struct Raised {
  SealLevel level = SealLevel::l1;
  Evidence evidence;
  Status failure;  // why it is not the level asked for
};

// Makes the kernel protect the file from changes: by fs-verity for L3, else by the immutable attribute,
// else not at all. A lease that is taken before and checked afterwards proves that nobody has the file
// open for writing; without that proof the attribute is worth little, because on most file systems a
// descriptor opened for writing earlier can still write to an immutable file. The new attribute is on the
// disk when the function returns.
// A file that the kernel protects already stays as it is, whatever level is wanted.
// `fd` is open for reading; `verified` is the file's state when its bytes were verified. ESTALE: the file
// has changed since then, or somebody opened it for writing meanwhile.
Status raise_seal(int fd, const struct stat& verified, SealLevel wanted, Raised* out);

// The level of a file that meets the conditions of level L1 (mode, link count, evidence). Empty: fs-verity
// has another digest for the file than the recorded one, so its bytes are others.
std::optional<SealLevel> level_of(int fd, const Evidence& evidence);

// Whether the file is in the state in which a recent raise_seal() of this process left a file with this
// evidence. Deliveries under way then go on, although the ctime has changed.
bool was_raised(const Evidence& before, const struct stat& now);

// Removes the immutable attribute, with which a file cannot be renamed or removed. A file that is missing
// or has no such attribute is no error. EPERM: this process lacks CAP_LINUX_IMMUTABLE.
Status release_file(const std::string& path);

}  // namespace sealgate
