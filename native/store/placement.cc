#include "store/placement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "store/disk_space.h"
#include "store/staging_file.h"

namespace sealgate {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Status sync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Status::last("open directory");
  return ::fsync(fd.get()) == 0 ? Status{} : Status::last("fsync directory");
}

// Renames without ever replacing a file. EEXIST: the name is taken.
Status move_without_replacing(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return Status::last("renameat2");
  if (::link(from.c_str(), to.c_str()) != 0) return Status::last("link");
  return ::unlink(from.c_str()) == 0 ? Status{} : Status::last("unlink");
}

Status make_one(const std::string& path, bool* made) {
  if (::mkdir(path.c_str(), 0755) == 0) {
    *made = true;
    return {};
  }
  return errno == EEXIST ? Status{} : Status::last("mkdir");
}

// Makes the two folders of a blob. Their parent was made with the store; if it is missing, its disk is not
// mounted, and nothing may be created in its place.
Status make_folders(const std::string& path, bool* made) {
  const Status status = make_one(path, made);
  if (status.error != ENOENT) return status;
  if (const Status parent = make_one(parent_of(path), made); !parent.ok()) return parent;
  return make_one(path, made);
}

Status sync_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return Status::last("open blob");
  return ::fsync(fd.get()) == 0 ? Status{} : Status::last("fsync blob");
}

// The folder that a blob stands in, and those above it where they are new.
Status sync_folders(const std::string& folder, bool made) {
  if (const Status status = sync_directory(folder); !status.ok() || !made) return status;
  const std::string parent = parent_of(folder);
  if (const Status status = sync_directory(parent); !status.ok()) return status;
  return sync_directory(parent_of(parent));
}

// Gives a blob that is in its place its level, and describes it.
Status seal_placed(const std::string& blob, SealLevel wanted, Placement* out) {
  struct stat st;
  if (::lstat(blob.c_str(), &st) != 0) return Status::last("lstat blob");
  out->size = static_cast<uint64_t>(st.st_size);
  out->device = st.st_dev;
  out->seal = {SealLevel::l1, Evidence(st), {}};
  return wanted < SealLevel::l2 ? Status{} : raise_blob(blob, out->seal.evidence, wanted, &out->seal);
}

// Tries without making folders first, because most folders exist. `made`: some were made.
Status put_in_place(const std::string& staging, const std::string& blob, Placement* out, bool* made) {
  Status moved = move_without_replacing(staging, blob);
  if (moved.error == ENOENT) {
    if (const Status status = make_folders(parent_of(blob), made); !status.ok()) return status;
    moved = move_without_replacing(staging, blob);
  }
  out->created = moved.ok();
  return moved.error == EEXIST ? Status{} : moved;
}

Status place_unsynced(Placing& each) {
  bool made = false;
  const Status status = put_in_place(each.staging, each.blob, &each.placement, &made);
  return status.ok() ? seal_placed(each.blob, SealLevel::l1, &each.placement) : status;
}

Status sync_placed(const std::string& blob, bool made) {
  const Status status = sync_file(blob);
  return status.ok() ? sync_folders(parent_of(blob), made) : status;
}

}  // namespace

Status place_blob(const std::string& staging, const std::string& blob, SealLevel wanted, Placement* out) {
  bool made = false;
  if (const Status status = put_in_place(staging, blob, out, &made); !status.ok()) return status;
  // The file after its name, so that one commit of the file system's journal has both.
  if (const Status status = sync_file(blob); !status.ok()) return status;
  if (const Status status = seal_placed(blob, out->created ? wanted : SealLevel::l1, out); !status.ok())
    return status;
  return sync_folders(parent_of(blob), made);
}

Status place_together(int folder, std::span<Placing> all) {
  for (Placing& each : all) each.status = place_unsynced(each);
  struct stat st;
  const Status shared = ::fstat(folder, &st) == 0 ? sync_file_system(folder) : Status::last("fstat");
  for (Placing& each : all) {
    if (!each.status.ok() || (shared.ok() && each.placement.device == st.st_dev)) continue;
    each.status = sync_placed(each.blob, true);
    if (!each.status.ok() && each.placement.created) ::unlink(each.blob.c_str());
  }
  return shared;
}

}  // namespace sealgate
