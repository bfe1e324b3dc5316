// StoreLock: one process writes to a store at a time (flock(2)). The kernel releases it with the process.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class StoreLock {
 public:
  // EWOULDBLOCK: another process holds it. The holder's pid stands in the file; a path that is a folder is
  // locked itself, and nothing is written.
  static Status take(const std::string& path, StoreLock* out);
  void release() { file_.reset(); }

 private:
  Fd file_;
};

}  // namespace sealgate
