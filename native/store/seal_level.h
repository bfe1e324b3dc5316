// SealLevel: how well an open file is kept from changing. A level is given by raise_seal() when a blob is
// placed or proved anew, and proved by level_of() each time the blob is opened.
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

// What a file was raised to.
struct Raised {
  SealLevel level = SealLevel::l1;
  Evidence evidence;
  Status failure;  // why the level is below the one wanted
};

// Makes the kernel keep the file from changing: fs-verity for L3, else the immutable attribute, else nothing.
// A lease taken before and looked at afterwards proves that nobody has the file open for writing: on most
// file systems a descriptor that was opened for writing before can still write to an immutable file. The new
// attribute is on the disk when it returns.
// A file that the kernel holds already keeps its hold, whatever is wanted.
// `fd` is open for reading; `verified` is its state when its bytes were verified. ESTALE: the file changed
// since then, or somebody opened it for writing meanwhile.
Status raise_seal(int fd, const struct stat& verified, SealLevel wanted, Raised* out);

// The level of a file that has the mode, the link count and the evidence that level L1 takes, from L1 on.
// Empty: fs-verity knows the file by another digest than the recorded one, so these are other bytes.
std::optional<SealLevel> level_of(int fd, const Evidence& evidence);

// Whether the file is as raise_seal() of this process left one that had this evidence before: what is being
// delivered meanwhile goes on, though the ctime is another. Only the last raises are known.
bool was_raised(const Evidence& before, const struct stat& now);

// Removes the immutable attribute, which would refuse that the file is renamed or removed. A file that is
// missing or has no such attribute is fine. EPERM: this process lacks CAP_LINUX_IMMUTABLE.
Status release_file(const std::string& path);

}  // namespace sealgate
