// Durable writes without a server: as many threads as asked for write small files, one after another, each as
// a store has to: write, fsync, rename to its place, fsync the folder of that. What a disk and its file
// system give to a program that does nothing else.
//   durable_writes FOLDER THREADS BYTES SECONDS
// Prints one line of JSON: {"files": …, "seconds": …}
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "durable_writes: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::fsync(fd) != 0) fail("fsync of a folder");
  ::close(fd);
}

std::string folder_of(const std::string& root, unsigned number) {
  char name[4];
  std::snprintf(name, sizeof name, "%02x", number & 255U);
  return root + "/" + name;
}

void write_one(const std::string& root, const std::string& name, unsigned number, const std::string& bytes) {
  const std::string staging = root + "/staging/" + name;
  const int fd = ::open(staging.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) fail("open");
  if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) fail("write");
  if (::fsync(fd) != 0) fail("fsync");
  ::close(fd);
  const std::string folder = folder_of(root, number);
  if (::rename(staging.c_str(), (folder + "/" + name).c_str()) != 0) fail("rename");
  sync_folder(folder);
}

}  // namespace

int main(int count, char** given) {
  if (count != 5) {
    std::fprintf(stderr, "usage: durable_writes FOLDER THREADS BYTES SECONDS\n");
    return 2;
  }
  const std::string root = given[1];
  const int threads = std::atoi(given[2]);
  const auto size = static_cast<size_t>(std::atoi(given[3]));
  const std::chrono::duration<double> time(std::atof(given[4]));
  ::mkdir(root.c_str(), 0700);
  ::mkdir((root + "/staging").c_str(), 0700);
  for (unsigned i = 0; i < 256; i++) ::mkdir(folder_of(root, i).c_str(), 0700);
  sync_folder(root);

  std::atomic<unsigned long> files{0};
  const auto begin = Clock::now();
  const auto work = [&](int number) {
    std::string bytes(size, 'x');
    for (unsigned i = 0; Clock::now() - begin < time; i++) {
      const std::string name = std::to_string(number) + "-" + std::to_string(i);
      bytes.replace(0, std::min(name.size(), size), name, 0, std::min(name.size(), size));
      write_one(root, name, i * 61U + static_cast<unsigned>(number), bytes);
      files++;
    }
  };
  std::vector<std::thread> all;
  for (int i = 0; i < threads; i++) all.emplace_back(work, i);
  for (std::thread& each : all) each.join();
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("{\"files\": %lu, \"seconds\": %.3f}\n", files.load(), took.count());
}
