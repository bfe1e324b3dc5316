// TempDir: a directory of a test's own, gone with everything in it at the end of the scope.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace sealgate {

class TempDir {
 public:
  TempDir() {
    const char* base = std::getenv("SEALGATE_TEST_DIR");
    path_ = (base ? std::filesystem::path(base) : std::filesystem::temp_directory_path()) / "sealgate-XXXXXX";
    if (!::mkdtemp(path_.data())) std::abort();
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Writes over a file even when it is read-only, as its owner can.
inline void write_file(const std::string& path, std::string_view content, mode_t mode = 0644) {
  ::chmod(path.c_str(), 0644);
  std::ofstream(path, std::ios::binary) << content;
  if (::chmod(path.c_str(), mode) != 0) std::abort();
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline bool exists(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

}  // namespace sealgate
