// evict: takes files out of the page cache (posix_fadvise(2), POSIX_FADV_DONTNEED).   usage: evict FILE...
// What was written and is not yet on the disk is written first: only clean pages can go.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

int main(int count, char** words) {
  for (int i = 1; i < count; i++) {
    const int fd = ::open(words[i], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0 || ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
      std::perror(words[i]);
      return 1;
    }
    ::close(fd);
  }
}
