#include "store/seal_means.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>

#include "base/fd.h"

namespace sealgate {
namespace {

struct Known {
  long magic;
  const char* name;
};
constexpr Known kKnown[] = {
    {EXT4_SUPER_MAGIC, "ext4"},   {XFS_SUPER_MAGIC, "xfs"},   {BTRFS_SUPER_MAGIC, "btrfs"},
    {TMPFS_MAGIC, "tmpfs"},       {F2FS_SUPER_MAGIC, "f2fs"}, {OVERLAYFS_SUPER_MAGIC, "overlay"},
    {NFS_SUPER_MAGIC, "nfs"},     {FUSE_SUPER_MAGIC, "fuse"}, {V9FS_MAGIC, "9p"},
    {SQUASHFS_MAGIC, "squashfs"}, {CEPH_SUPER_MAGIC, "ceph"}, {0x2fc12fc1, "zfs"},
    {0xff534d42, "cifs"},         {0x00c0ffee, "hostfs"},
};

std::string name_of(long magic) {
  for (const Known& each : kKnown) {
    if (each.magic == magic) return each.name;
  }
  char text[32];
  std::snprintf(text, sizeof text, "0x%lx", magic);
  return text;
}

Status try_immutable(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return Status::last("FS_IOC_GETFLAGS");
  int immutable = flags | FS_IMMUTABLE_FL;
  if (::ioctl(fd, FS_IOC_SETFLAGS, &immutable) != 0) return Status::last("FS_IOC_SETFLAGS");
  if (::ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0) return Status::last("FS_IOC_SETFLAGS");
  return {};
}

Status try_lease(int fd) {
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return Status::last("F_SETLEASE");
  if (::fcntl(fd, F_SETLEASE, F_UNLCK) != 0) return Status::last("F_SETLEASE");
  return {};
}

Status try_verity(int fd) {
  fsverity_enable_arg argument{};
  argument.version = 1;
  argument.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
  argument.block_size = 4096;
  if (::ioctl(fd, FS_IOC_ENABLE_VERITY, &argument) != 0) return Status::last("FS_IOC_ENABLE_VERITY");
  return {};
}

}  // namespace

Status seal_means(const std::string& folder, SealMeans* out) {
  struct statfs about {};
  struct statvfs mount {};
  if (::statfs(folder.c_str(), &about) != 0) return Status::last("statfs");
  if (::statvfs(folder.c_str(), &mount) != 0) return Status::last("statvfs");
  out->file_system = name_of(about.f_type);
  out->read_only = (mount.f_flag & ST_RDONLY) != 0;
  if (out->read_only) return {};
  std::string path = folder + "/.seal-means-XXXXXX";
  Fd writable(::mkostemp(path.data(), O_CLOEXEC));
  if (!writable) return Status::last("mkostemp");
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  writable.reset();  // leases and fs-verity are refused while the file is open for writing
  out->immutable = file ? try_immutable(file.get()) : Status::last("open");
  out->lease = file ? try_lease(file.get()) : Status::last("open");
  out->verity = file ? try_verity(file.get()) : Status::last("open");
  if (::unlink(path.c_str()) != 0) return Status::last("unlink");
  return {};
}

}  // namespace sealgate
