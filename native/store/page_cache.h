// Page cache: whether the bytes of a file are in memory whatever happens.
#pragma once

#include <sys/types.h>

namespace sealgate {

// Whether no read of the file waits for a disk, or none can be told not to: its file system keeps everything
// in memory, or does not know RWF_NOWAIT (preadv2(2)). Asked of the kernel once for each device and thread.
bool never_cold(int fd, dev_t device);

}  // namespace sealgate
