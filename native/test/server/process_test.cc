// Faults of memory: those of a store's metadata end the process with a sentence, all others are handled as
// before.
#include "server/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include <doctest/doctest.h>
#include "base/fd.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

struct End {
  int status;  // as waitpid(2) tells it
  std::string said;
};

End end_of(const std::function<void()>& body) {
  int pipe[2];
  CHECK_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    // Sanitizers have a handler of their own.
    std::signal(SIGBUS, SIG_DFL);
    body();
    ::_exit(0);
  }
  ::close(pipe[1]);
  End end{};
  char piece[256];
  for (ssize_t n; (n = ::read(pipe[0], piece, sizeof piece)) > 0;) end.said.append(piece, size_t(n));
  ::close(pipe[0]);
  ::waitpid(child, &end.status, 0);
  return end;
}

void read_cut_short(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
  if (::ftruncate(file.get(), 8192) != 0) return;
  const auto* mapped =
      static_cast<const volatile char*>(::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, file.get(), 0));
  if (::ftruncate(file.get(), 4096) != 0) return;
  static_cast<void>(mapped[0]);
  static_cast<void>(mapped[4096]);
}

void exit_with_7(int) { ::_exit(7); }

TEST_CASE("metadata that are cut short while they are mapped: a sentence with their path, and status 74") {
  TempDir dir;
  CHECK_EQ(::mkdir(dir.at("meta").c_str(), 0700), 0);
  for (const char* name : {"meta/data.mdb", "meta/lock.mdb"}) {
    const End end = end_of([&] {
      explain_lost_metadata();
      read_cut_short(dir.at(name));
    });
    CHECK(WIFEXITED(end.status));
    CHECK_EQ(WEXITSTATUS(end.status), 74);
    CHECK_EQ(end.said.find("sealgate: " + dir.at(name) + ": bytes of it are gone"), 0U);
    CHECK_EQ(end.said.find('\n'), end.said.size() - 1);
  }
}

TEST_CASE("another file that is cut short ends the process as before, without a word") {
  TempDir dir;
  const End end = end_of([&] {
    explain_lost_metadata();
    read_cut_short(dir.at("data.mdb"));
  });
  CHECK(WIFSIGNALED(end.status));
  CHECK_EQ(WTERMSIG(end.status), SIGBUS);
  CHECK_EQ(end.said, "");
}

TEST_CASE("another file that is cut short, and SIGBUS that is sent, go to the handler of before") {
  TempDir dir;
  for (const bool sent : {true, false}) {
    const End end = end_of([&] {
      std::signal(SIGBUS, exit_with_7);
      explain_lost_metadata();
      if (sent) std::raise(SIGBUS);
      read_cut_short(dir.at("data.mdb"));
    });
    CHECK(WIFEXITED(end.status));
    CHECK_EQ(WEXITSTATUS(end.status), 7);
  }
}

TEST_CASE("SIGBUS that is sent ends a process that does not handle it") {
  const End end = end_of([] {
    explain_lost_metadata();
    std::raise(SIGBUS);
  });
  CHECK(WIFSIGNALED(end.status));
  CHECK_EQ(WTERMSIG(end.status), SIGBUS);
}

}  // namespace
}  // namespace sealgate
