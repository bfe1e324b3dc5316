// Loaded before libc (LD_PRELOAD): writes down every call of the process, over all threads and in their order,
// that changes files and folders or waits for the disk to have them.
//   RECORD_BELOW  only what happens below this folder
//   RECORD_TO     gets a line for each call, `CALL\tPATH\tPATH\tNUMBER\tLENGTH\n`, and LENGTH bytes of data.
//                 NUMBER is the offset of a write, or the size of a truncation
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// Held over a call and its line, so that the lines are in the order of the calls.
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static int out(void) {
  static int fd = -1;
  if (fd < 0) fd = REAL(open)(getenv("RECORD_TO"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  return fd;
}

// A recording with a hole would be believed.
static void put(const void* from, size_t size) {
  for (const char* next = from; size > 0;) {
    const ssize_t n = REAL(write)(out(), next, size);
    if (n <= 0) abort();
    next += n;
    size -= (size_t)n;
  }
}

static int counts(const char* path) {
  const char* below = getenv("RECORD_BELOW");
  return below != NULL && strncmp(path, below, strlen(below)) == 0;
}

static void line(const char* call, const char* path, const char* to, long long number, size_t length) {
  char text[2 * PATH_MAX + 128];
  const int size = snprintf(text, sizeof text, "%s\t%s\t%s\t%lld\t%zu\n", call, path, to, number, length);
  if (size < 0 || (size_t)size >= sizeof text) abort();
  put(text, (size_t)size);
}

// False for what has no path, or none below the folder.
static int path_of(int fd, char* path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return counts(path);
}

static void wrote(int fd, const struct iovec* from, ssize_t size, off_t at) {
  char path[PATH_MAX];
  if (size <= 0 || !path_of(fd, path)) return;
  // O_DSYNC is a part of O_SYNC.
  const int is_synced = REAL(fcntl)(fd, F_GETFL) & O_DSYNC;
  line(is_synced ? "write-synced" : "write", path, "", at, (size_t)size);
  for (size_t left = (size_t)size; left > 0; from++) {
    const size_t piece = from->iov_len < left ? from->iov_len : left;
    put(from->iov_base, piece);
    left -= piece;
  }
}

static ssize_t written(int fd, const struct iovec* from, ssize_t size) {
  const int error = errno;
  const off_t end = lseek(fd, 0, SEEK_CUR);
  if (end >= 0) wrote(fd, from, size, end - size);
  errno = error;
  return size;
}

static ssize_t written_at(int fd, const struct iovec* from, ssize_t size, off_t at) {
  const int error = errno;
  wrote(fd, from, size, at);
  errno = error;
  return size;
}

// clang-format off
#define IN_ORDER(type, call, then) \
  pthread_mutex_lock(&order); const type result = call; then; pthread_mutex_unlock(&order); return result;
// clang-format on

ssize_t write(int fd, const void* from, size_t size) {
  const struct iovec one = {(void*)from, size};
  IN_ORDER(ssize_t, REAL(write)(fd, from, size), written(fd, &one, result))
}
ssize_t writev(int fd, const struct iovec* from, int count) {
  IN_ORDER(ssize_t, REAL(writev)(fd, from, count), written(fd, from, result))
}
ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  const struct iovec one = {(void*)from, size};
  IN_ORDER(ssize_t, REAL(pwrite64)(fd, from, size, at), written_at(fd, &one, result, at))
}
ssize_t pwritev64(int fd, const struct iovec* from, int count, off64_t at) {
  IN_ORDER(ssize_t, REAL(pwritev64)(fd, from, count, at), written_at(fd, from, result, at))
}
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
ssize_t pwritev(int fd, const struct iovec* from, int count, off_t at) {
  return pwritev64(fd, from, count, at);
}

static void fd_call(const char* call, int fd, int result, long long number) {
  char path[PATH_MAX];
  if (result == 0 && path_of(fd, path)) line(call, path, "", number, 0);
}
int fsync(int fd) { IN_ORDER(int, REAL(fsync)(fd), fd_call("sync", fd, result, 0)) }
int fdatasync(int fd) { IN_ORDER(int, REAL(fdatasync)(fd), fd_call("sync", fd, result, 0)) }
int syncfs(int fd) { IN_ORDER(int, REAL(syncfs)(fd), fd_call("sync-all", fd, result, 0)) }
int ftruncate64(int fd, off64_t size) {
  IN_ORDER(int, REAL(ftruncate64)(fd, size), fd_call("truncate", fd, result, size))
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static void path_call(const char* call, const char* path, const char* to, int result) {
  if (result >= 0 && (counts(path) || counts(to))) line(call, path, to, 0, 0);
}
int mkdir(const char* path, mode_t mode) {
  IN_ORDER(int, REAL(mkdir)(path, mode), path_call("mkdir", path, "", result))
}
int unlink(const char* path) { IN_ORDER(int, REAL(unlink)(path), path_call("unlink", path, "", result)) }
int rmdir(const char* path) { IN_ORDER(int, REAL(rmdir)(path), path_call("unlink", path, "", result)) }
int rename(const char* path, const char* to) {
  IN_ORDER(int, REAL(rename)(path, to), path_call("rename", path, to, result))
}
int link(const char* path, const char* to) {
  IN_ORDER(int, REAL(link)(path, to), path_call("link", path, to, result))
}
// The paths are whole ones: the engine gives AT_FDCWD.
int renameat2(int from, const char* path, int in, const char* to, unsigned flags) {
  IN_ORDER(int, REAL(renameat2)(from, path, in, to, flags), path_call("rename", path, to, result))
}
int unlinkat(int folder, const char* name, int flags) {
  char path[2 * PATH_MAX];
  if (folder == AT_FDCWD || name[0] == '/' || !path_of(folder, path)) snprintf(path, sizeof path, "%s", name);
  else snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
  IN_ORDER(int, REAL(unlinkat)(folder, name, flags), path_call("unlink", path, "", result))
}

#define OPENS(name)                                                                     \
  int name(const char* path, int flags, ...) {                                          \
    va_list rest;                                                                       \
    va_start(rest, flags);                                                              \
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;     \
    va_end(rest);                                                                       \
    if (!(flags & O_CREAT) && !(flags & O_TRUNC)) return REAL(name)(path, flags, mode); \
    const char* call = flags & O_TRUNC ? "create-empty" : "create";                     \
    IN_ORDER(int, REAL(name)(path, flags, mode), path_call(call, path, "", result))     \
  }
OPENS(open)
OPENS(open64)
