// What a test needs of the page cache: which pages of a file are in it, and a file without any.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/fd.h"

namespace sealgate {

// Numbers of the pages that are in memory.
inline std::vector<size_t> resident_pages(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY));
  struct stat st {};
  if (!file || ::fstat(file.get(), &st) != 0) std::abort();
  const size_t pages = (static_cast<size_t>(st.st_size) + 4095) / 4096;
  void* const at = ::mmap(nullptr, pages * 4096, PROT_READ, MAP_SHARED, file.get(), 0);
  std::vector<unsigned char> found(pages);
  if (at == MAP_FAILED || ::mincore(at, pages * 4096, found.data()) != 0) std::abort();
  ::munmap(at, pages * 4096);
  std::vector<size_t> resident;
  for (size_t page = 0; page < pages; page++)
    if (found[page] & 1) resident.push_back(page);
  return resident;
}

// Drops a file's pages from memory. False where they cannot be dropped, as on tmpfs.
inline bool cool(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY));
  if (!file || ::fsync(file.get()) != 0) std::abort();
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  return resident_pages(path).empty();
}

}  // namespace sealgate
