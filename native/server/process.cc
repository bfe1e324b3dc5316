#include "server/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace sealgate {
namespace {

// --- explaining SIGBUS: from here to explain() all is async-signal-safe(7) and needs little stack ---

constexpr int lost_metadata_status = 74;

// Finds the path of the file that is mapped at an address; empty when there is none. It is fed the
// characters of /proc/self/maps, whose lines are `START-END MODE OFFSET DEVICE INODE   PATH`.
class MapSearch {
 public:
  void begin(uintptr_t address) {
    address_ = address;
    start_ = end_ = length_ = 0;
    part_ = Part::start;
  }
  // Returns true when the path is found.
  bool feed(char c) {
    if (c == '\n') {
      if (start_ <= address_ && address_ < end_) return true;
      start_ = end_ = length_ = 0;
      part_ = Part::start;
    } else if (part_ == Part::start) {
      if (c == '-')
        part_ = Part::end;
      else
        start_ = start_ * 16 + digit(c);
    } else if (part_ == Part::end) {
      if (c == ' ')
        part_ = Part::rest;
      else
        end_ = end_ * 16 + digit(c);
    } else if ((c == '/' || length_ > 0) && length_ < path_.size()) {
      path_[length_++] = c;
    }
    return false;
  }
  std::string_view path() const { return {path_.data(), length_}; }

 private:
  enum class Part : uint8_t { start, end, rest };
  static uintptr_t digit(char c) { return static_cast<uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

  uintptr_t address_ = 0, start_ = 0, end_ = 0;
  size_t length_ = 0;
  Part part_ = Part::start;
  std::array<char, PATH_MAX> path_{};
};

constinit MapSearch search;
constinit std::array<char, 4096> piece{};
struct sigaction handled_before;
constinit std::atomic_flag explaining;

std::string_view mapped_file(uintptr_t address) {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  search.begin(address);
  bool found = false;
  for (ssize_t length = 1; !found && length > 0;) {
    length = ::read(fd, piece.data(), piece.size());
    for (ssize_t i = 0; i < length && !found; i++) found = search.feed(piece[static_cast<size_t>(i)]);
  }
  ::close(fd);
  return found ? search.path() : std::string_view();
}

// A failed write to standard error is ignored, since there is nowhere else to report it.
void say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void pass_on(int number, siginfo_t* info, void* context) {
  if ((handled_before.sa_flags & SA_SIGINFO) != 0) return handled_before.sa_sigaction(number, info, context);
  if (handled_before.sa_handler == SIG_IGN && info->si_code <= 0) return;
  if (handled_before.sa_handler != SIG_DFL && handled_before.sa_handler != SIG_IGN)
    return handled_before.sa_handler(number);
  // Restores the default action, which takes effect when this handler returns.
  struct sigaction none {};
  none.sa_handler = SIG_DFL;
  ::sigaction(number, &none, nullptr);
  ::raise(number);
}

void explain(int number, siginfo_t* info, void* context) {
  // The signal was sent by a process, and is not a memory fault.
  if (info->si_code <= 0) return pass_on(number, info, context);
  // Another thread is explaining already, and will end the process.
  if (explaining.test_and_set())
    for (;;) ::pause();
  const std::string_view path = mapped_file(reinterpret_cast<uintptr_t>(info->si_addr));
  const bool is_data = path.ends_with("/meta/data.mdb"), is_lock = path.ends_with("/meta/lock.mdb");
  if (!is_data && !is_lock) {
    explaining.clear();
    return pass_on(number, info, context);
  }
  say("sealgate: ");
  say(path);
  say(": bytes of it are gone while it is in use: it was cut short, or its disk failed or is full; ");
  say(is_data ? "bring back a backup of the store, or run 'sealgate rebuild' to make the metadata from the "
                "journal and the blobs\n"
              : "see that the disk is well, and start again\n");
  leave_process(lost_metadata_status);
}

}  // namespace

// A limit of 0 forbids core files only; with 1 the kernel also starts no program that takes cores
// (core(5)). If the hard limit is lower, the process is made undumpable, which also hides it from
// debuggers of its own user.
void forbid_core_dumps() {
  const rlimit none{1, 1};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) ::prctl(PR_SET_DUMPABLE, 0);
}

void explain_lost_metadata() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = explain;
    // Uses the thread's signal stack, as the runtimes' own handlers do.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGBUS, nullptr, &handled_before);
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

void leave_process(int status) { ::_exit(status); }

}  // namespace sealgate
