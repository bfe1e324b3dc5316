#include "store/read_only.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <charconv>
#include <fstream>
#include <string>

#include "base/clock.h"

namespace sealgate {
namespace {

// Microseconds that a result is reused: reading thousands of mounts takes milliseconds.
constexpr int64_t kKnownFor = 5'000'000;

bool listed_read_only(uint64_t mount_id) {
  std::ifstream list("/proc/self/mountinfo");
  for (std::string line; std::getline(list, line);) {
    if (tells_read_only(line, mount_id)) return true;
  }
  return false;
}

// The last result, which is reused: the blobs of a store are on one mount.
struct Found {
  uint64_t mount_id = 0;
  int64_t at = 0;
  bool read_only = false;
};

}  // namespace

bool tells_read_only(std::string_view line, uint64_t mount_id) {
  uint64_t id = 0;
  const auto [to, error] = std::from_chars(line.data(), line.data() + line.size(), id);
  if (error != std::errc() || id != mount_id) return false;
  // After the separator: type, source and options of the file system. Spaces in them are written as \040.
  size_t at = line.find(" - ");
  if (at == line.npos) return false;
  at = line.find(' ', at + 3);
  if (at == line.npos) return false;
  at = line.find(' ', at + 1);
  if (at == line.npos) return false;
  const std::string_view options = line.substr(at + 1);
  return options == "ro" || options.starts_with("ro,");
}

bool on_read_only_file_system(int fd) {
  struct statvfs mount {};
  if (::fstatvfs(fd, &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0) return false;
  struct statx about {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) != 0 || (about.stx_mask & STATX_MNT_ID) == 0)
    return false;
  thread_local Found found;
  const int64_t now = monotonic_us();
  if (found.mount_id != about.stx_mnt_id || now - found.at > kKnownFor)
    found = {about.stx_mnt_id, now, listed_read_only(about.stx_mnt_id)};
  return found.read_only;
}

}  // namespace sealgate
