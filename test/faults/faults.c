// Loaded before libc (LD_PRELOAD): counts the calls that write to disk over all threads of the process and
// fails, or dies at, one of them. Opening a folder is among them, since it is opened to be synced. strace
// counts for each thread by itself, and misses the steps of a program with several.
//   FAULTS_ARM   a file with "ROUND NUMBER ERRNO": in this round the call with the number, from 1, gets the
//                errno; 0 kills the process before the call, and -1 in it: of a write that is longer than a
//                page some pages are written, any other call is made. Nothing counts while there is no such
//                file, and counting begins anew with each round
//   FAULTS_PATH  only calls on files whose path holds this text
//   FAULTS_ALWAYS  a call that always fails with EIO on such files, and is not counted
//   FAULTS_LOG   gets a line for the call that was hit: round, number, call, path
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int round_now, calls;

static void note(int round, int number, const char* call, const char* path) {
  const int fd = REAL(open)(getenv("FAULTS_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  char line[PATH_MAX + 64];
  const int length = snprintf(line, sizeof line, "%d %d %s %s\n", round, number, call, path);
  if (length > 0 && (size_t)length < sizeof line) (void)!REAL(write)(fd, line, (size_t)length);
  close(fd);
}

// False where the file is not there, or only half written.
static int read_arm(int* round, int* at, int* error) {
  const int fd = REAL(open)(getenv("FAULTS_ARM"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[64];
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  return sscanf(text, "%d %d %d", round, at, error) == 3;
}

enum fate { made, failed, last };

static void die(void) { kill(getpid(), SIGKILL); }

// What becomes of this call; errno is set when it is to fail. The process dies in one that is the last.
static enum fate fate_of(const char* call, const char* path) {
  const char* within = getenv("FAULTS_PATH");
  int round, at, error;
  if (within == NULL || strstr(path, within) == NULL || !read_arm(&round, &at, &error)) return made;
  const char* always = getenv("FAULTS_ALWAYS");
  if (always != NULL && strcmp(call, always) == 0) {
    errno = EIO;
    return failed;
  }
  pthread_mutex_lock(&counting);
  if (round != round_now) calls = 0;
  round_now = round;
  const int number = ++calls;
  pthread_mutex_unlock(&counting);
  if (number != at) return made;
  note(round, number, call, path);
  if (error == 0) die();
  if (error < 0) return last;
  errno = error;
  return failed;
}

static enum fate fate_of_fd(const char* call, int fd) {
  char link[32], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return made;
  path[length] = '\0';
  return fate_of(call, path);
}

// A kill is noticed between two pages of a write.
enum { page = 4096 };
static size_t part_of(enum fate fate, size_t size) {
  return fate == last && size > page ? size / page / 2 * page + (size < 2 * page ? page : 0) : size;
}

#define MAKE(result, decided, call) \
  const enum fate its = decided;    \
  if (its == failed) return -1;     \
  const result answer = call;       \
  if (its == last) die();           \
  return answer;
// clang-format off
#define OF_FD(result, name, parameters, ...) \
  result name parameters { MAKE(result, fate_of_fd(#name, fd), REAL(name)(__VA_ARGS__)) }
#define OF_PATH(result, name, parameters, ...) \
  result name parameters { MAKE(result, fate_of(#name, path), REAL(name)(__VA_ARGS__)) }
// clang-format on

OF_FD(ssize_t, write, (int fd, const void* from, size_t size), fd, from, part_of(its, size))
OF_FD(ssize_t, pwrite64, (int fd, const void* from, size_t size, off64_t at), fd, from, part_of(its, size),
      at)
OF_FD(ssize_t, writev, (int fd, const struct iovec* from, int count), fd, from, count)
OF_FD(ssize_t, pwritev64, (int fd, const struct iovec* from, int count, off64_t at), fd, from, count, at)
OF_FD(int, fsync, (int fd), fd)
OF_FD(int, fdatasync, (int fd), fd)
OF_FD(int, syncfs, (int fd), fd)
OF_FD(int, ftruncate64, (int fd, off64_t size), fd, size)
OF_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), fd, mode, at, size)
OF_FD(int, fchmod, (int fd, mode_t mode), fd, mode)
OF_PATH(int, chmod, (const char* path, mode_t mode), path, mode)
OF_PATH(int, mkdir, (const char* path, mode_t mode), path, mode)
OF_PATH(int, unlink, (const char* path), path)
OF_PATH(int, rmdir, (const char* path), path)
OF_PATH(int, rename, (const char* path, const char* to), path, to)
OF_PATH(int, link, (const char* path, const char* to), path, to)

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
ssize_t pwritev(int fd, const struct iovec* from, int count, off_t at) {
  return pwritev64(fd, from, count, at);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fallocate(int fd, int mode, off_t at, off_t size) { return fallocate64(fd, mode, at, size); }

int renameat2(int from, const char* path, int to, const char* new_path, unsigned flags) {
  MAKE(int, fate_of("renameat2", path), REAL(renameat2)(from, path, to, new_path, flags))
}
int linkat(int from, const char* path, int to, const char* new_path, int flags) {
  MAKE(int, fate_of("linkat", new_path), REAL(linkat)(from, path, to, new_path, flags))
}
int unlinkat(int folder, const char* path, int flags) {
  MAKE(int, fate_of("unlinkat", path), REAL(unlinkat)(folder, path, flags))
}

static mode_t mode_after(int flags, va_list rest) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}
#define OPENS(name)                                                                \
  int name(const char* path, int flags, ...) {                                     \
    va_list rest;                                                                  \
    va_start(rest, flags);                                                         \
    const mode_t mode = mode_after(flags, rest);                                   \
    va_end(rest);                                                                  \
    const int counts = (flags & O_ACCMODE) != O_RDONLY || (flags & O_DIRECTORY);   \
    MAKE(int, counts ? fate_of(#name, path) : made, REAL(name)(path, flags, mode)) \
  }
OPENS(open)
OPENS(open64)
