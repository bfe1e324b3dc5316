// SealMeans: the ways in which a file system can protect a file from changes, found by trying them on a
// file that is created for it.
#pragma once

#include <string>

#include "base/status.h"

namespace sealgate {

struct SealMeans {
  std::string file_system;  // "ext4", or its magic number if the name is unknown
  bool read_only = false;   // the file system is mounted read-only
  Status immutable;         // chattr(1) +i; takes CAP_LINUX_IMMUTABLE
  Status lease;             // a read lease (fcntl(2), F_SETLEASE)
  Status verity;            // fs-verity (Documentation/filesystems/fsverity.rst)
};

// `folder` must be writable, unless it is mounted read-only; nothing is left in it.
Status seal_means(const std::string& folder, SealMeans* out);

}  // namespace sealgate
