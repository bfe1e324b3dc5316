// StoreLock: one process writes to a store at a time (flock(2)). The kernel releases it with the process.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class StoreLock {
 public:
  // EWOULDBLOCK: another process has the lock. The holder's pid is written to the file. If the path is a
  // folder, the folder itself is locked and nothing is written.
  static Status take(const std::string& path, StoreLock* out);
  void release() { file_.reset(); }

 private:
  Fd file_;
};

}  // namespace sealgate
