#include "store/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace sealgate {

Status allocate_behind_end(const std::string& path, uint64_t bytes) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return Status::last("open");
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return Status::last("fstat");
  if (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, found.st_size, static_cast<off_t>(bytes)) != 0)
    return Status::last("fallocate");
  return {};
}

Status sync_file_system(int folder) { return ::syncfs(folder) == 0 ? Status{} : Status::last("syncfs"); }

}  // namespace sealgate
