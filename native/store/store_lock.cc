#include "store/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace sealgate {

Status StoreLock::take(const std::string& path, StoreLock* out) {
  // The lock needs only an open file, so the mode keeps other users from taking it.
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  const bool folder = !file && errno == EISDIR;
  if (folder) file.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return Status::last("open");
  return hold(std::move(file), folder, out);
}

Status StoreLock::adopt(const std::string& path, Fd file, StoreLock* out) {
  struct stat given, there;
  if (::fstat(file.get(), &given) != 0 || ::stat(path.c_str(), &there) != 0) return Status::last("stat");
  if (given.st_dev != there.st_dev || given.st_ino != there.st_ino) return {ESTALE, "the file of a lock"};
  return hold(std::move(file), S_ISDIR(given.st_mode), out);
}

Status StoreLock::hold(Fd file, bool folder, StoreLock* out) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return Status::last("flock");
  if (!folder) {
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) != 0) return Status::last("ftruncate");
    if (::pwrite(file.get(), pid.data(), pid.size(), 0) < 0) return Status::last("write");
  }
  out->file_ = std::move(file);
  return {};
}

}  // namespace sealgate
