// SealMeans: by what a file system can make a file unchangeable, found by trying it on a file made for it.
#pragma once

#include <string>

#include "base/status.h"

namespace sealgate {

struct SealMeans {
  std::string file_system;  // "ext4"; its magic number where the name is not known
  bool read_only = false;   // mounted so
  Status immutable;         // chattr(1) +i; takes CAP_LINUX_IMMUTABLE
  Status lease;             // a read lease (fcntl(2), F_SETLEASE)
  Status verity;            // fs-verity (Documentation/filesystems/fsverity.rst)
};

// `folder` must be writable, unless it is mounted read-only; nothing is left in it.
Status seal_means(const std::string& folder, SealMeans* out);

}  // namespace sealgate
