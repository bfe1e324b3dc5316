#include "store/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace sealgate {

Status StoreLock::take(const std::string& path, StoreLock* out) {
  // The lock needs only an open file, so the mode keeps other users from taking it.
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  const bool folder = !file && errno == EISDIR;
  if (folder) file.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return Status::last("open");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return Status::last("flock");
  if (folder) {
    out->file_ = std::move(file);
    return {};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0) return Status::last("ftruncate");
  if (::write(file.get(), pid.data(), pid.size()) < 0) return Status::last("write");
  out->file_ = std::move(file);
  return {};
}

}  // namespace sealgate
