// Allocates disk space for a growing file before it is written, so that a write cannot fail for lack of
// it.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace sealgate {

// Allocates `bytes` behind the end of the file, which keeps its size. EOPNOTSUPP: the file system cannot.
Status allocate_behind_end(const std::string& path, uint64_t bytes);

// syncfs(2): when it returns, all earlier writes to the file system of an open folder are on its disk. The
// kernel reports writes that failed since the folder was opened, or since the last call.
Status sync_file_system(int folder);

}  // namespace sealgate
