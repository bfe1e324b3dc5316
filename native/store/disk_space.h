// Disk space that a growing file has before it is written, so that writing to it cannot fail for want of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace sealgate {

// Allocates `bytes` behind the end of the file, which keeps its size. EOPNOTSUPP: the file system cannot.
Status allocate_behind_end(const std::string& path, uint64_t bytes);

// syncfs(2): everything that was written to the file system of an open folder before is on its disk
// afterwards. The kernel tells what it could not write since the folder was opened, or since the last call.
Status sync_file_system(int folder);

}  // namespace sealgate
