// Disk space that a growing file has before it is written, so that writing to it cannot fail for want of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace sealgate {

// Allocates `bytes` behind the end of the file, which keeps its size. EOPNOTSUPP: the file system cannot.
Status allocate_behind_end(const std::string& path, uint64_t bytes);

}  // namespace sealgate
