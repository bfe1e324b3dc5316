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
  // A lock that another process took and gave to this one with its open file. The lock belongs to that file
  // and lasts until every process has closed it, so it is never free in between. ESTALE: the file is another.
  static Status adopt(const std::string& path, Fd file, StoreLock* out);
  void release() { file_.reset(); }
  const Fd& file() const { return file_; }

 private:
  static Status hold(Fd file, bool folder, StoreLock* out);
  Fd file_;
};

}  // namespace sealgate
