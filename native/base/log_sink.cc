#include "base/log_sink.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sealgate {
namespace {

constexpr int kRetryAfter = 1000;                         // milliseconds after a failure
constexpr std::chrono::milliseconds kFlushLooksAgain{2};  // interval of flush()'s checks

// False when the file ends in the middle of a line, which a crash or a power cut leaves behind.
bool ends_in_a_line(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found {};
  char last = '\n';
  return !fd || ::fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_size == 0 ||
         ::pread(fd.get(), &last, 1, found.st_size - 1) != 1 || last == '\n';
}

// A new descriptor for the same file that never blocks; the given one may be shared with processes that
// expect blocking writes. Null for a socket, and for a pipe that belongs to another user.
Fd reopened(int fd, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

LogSink::~LogSink() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

// --- opening ---

Status LogSink::describe_kind(File& file) {
  struct stat found {};
  if (::fstat(file.fd.get(), &found) != 0) return Status::last("fstat");
  file.kind = S_ISREG(found.st_mode) ? Kind::regular : S_ISSOCK(found.st_mode) ? Kind::socket : Kind::stream;
  return {};
}

Status LogSink::open(const std::string& path) {
  if (path == "-") return open_descriptor(STDOUT_FILENO);
  constexpr int kFlags = O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  File file;
  file.fd = Fd(::open(path.c_str(), O_WRONLY | kFlags, 0640));
  if (!file.fd && errno != ENXIO) return Status::last("open");
  struct stat found {};
  // A FIFO opened for reading too needs no reader to open, and keeps lines for a reader that comes back.
  if (!file.fd || (::fstat(file.fd.get(), &found) == 0 && S_ISFIFO(found.st_mode)))
    file.fd = Fd(::open(path.c_str(), O_RDWR | kFlags, 0640));
  if (!file.fd) return Status::last("open");
  if (const Status status = describe_kind(file); !status.ok()) return status;
  if (!ends_in_a_line(path)) (void)!::write(file.fd.get(), "\n", 1);
  return use(std::move(file));
}

Status LogSink::open_descriptor(int fd) {
  File file;
  file.fd = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!file.fd) return Status::last("fcntl");
  if (const Status status = describe_kind(file); !status.ok()) return status;
  if (file.kind == Kind::stream) {
    if (Fd own = reopened(fd, O_WRONLY | O_APPEND); own) file.fd = std::move(own);
  }
  return use(std::move(file));
}

Status LogSink::use(File file) {
  const std::lock_guard lock(mutex_);
  if (!wake_) wake_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_) return Status::last("eventfd");
  next_ = std::move(file);
  failure_ = {};
  ::eventfd_write(wake_.get(), 1);
  if (!thread_.joinable()) {
    // Signals are handled by the main thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    thread_ = std::thread([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  enabled_ = true;
  return {};
}

// --- from any thread ---

bool LogSink::write(std::string lines) {
  const size_t size = lines.size();
  const size_t before = waiting_.fetch_add(size);
  if (before + size > max_waiting_) {
    waiting_.fetch_sub(size);
    return false;
  }
  if (before == 0) since_ = monotonic_ms();
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(lines));
  if (queue_.size() == 1 && wake_) ::eventfd_write(wake_.get(), 1);
  return true;
}

bool LogSink::flush(int64_t milliseconds) {
  const int64_t end = monotonic_us() + milliseconds * 1000;
  while (enabled() && waiting() > 0) {
    if (monotonic_us() >= end) return false;
    std::this_thread::sleep_for(kFlushLooksAgain);
  }
  return true;
}

int64_t LogSink::stalled() const { return waiting() > 0 ? monotonic_ms() - since_ : 0; }

Status LogSink::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

// --- its thread ---

void LogSink::work() {
  pthread_setname_np(pthread_self(), "sealgate-log");
  for (;;) {
    const bool ending = take();
    if (lines_.empty()) {
      if (ending) return;
      wait(Wrote::some);
      continue;
    }
    const Wrote last = write_some();
    if (last == Wrote::some) continue;
    if (ending) return;
    wait(last);
  }
}

// Takes the waiting lines and the file to write them to. True when the thread must end.
bool LogSink::take() {
  const std::lock_guard lock(mutex_);
  if (next_.fd) {
    file_ = std::exchange(next_, File());
    done_ = line_start();  // a line cut off in the old file is written whole to the new one
  }
  if (lines_.empty() && !queue_.empty()) {
    lines_ = std::move(queue_.front());
    queue_.pop_front();
    done_ = 0;
  }
  return ending_;
}

// Writes to a pipe only whole lines, and only as many as the pipe takes atomically (pipe(7)), so that lines
// of several writers do not mix and no partial line remains at the end.
LogSink::Wrote LogSink::write_some() {
  std::string_view rest = std::string_view(lines_).substr(done_);
  if (file_.kind != Kind::regular) {
    const size_t end = rest.substr(0, PIPE_BUF).rfind('\n');
    rest = rest.substr(0, end != rest.npos ? end + 1 : rest.find('\n') + 1);
    pollfd room{file_.fd.get(), POLLOUT, 0};
    if (::poll(&room, 1, 0) == 0) return Wrote::blocked;
  }
  const ssize_t n = file_.kind == Kind::socket
                        ? ::send(file_.fd.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                        : ::write(file_.fd.get(), rest.data(), rest.size());
  if (n < 0) {
    if (errno == EINTR) return Wrote::some;
    return errno == EAGAIN ? Wrote::blocked : fail(errno);
  }
  since_ = monotonic_ms();
  done_ += static_cast<size_t>(n);
  if (file_.kind == Kind::regular && static_cast<size_t>(n) < rest.size()) {
    take_back_torn_line();
    return fail(ENOSPC);
  }
  if (done_ == lines_.size()) {
    waiting_.fetch_sub(lines_.size());
    free_memory(lines_);
    done_ = 0;
  }
  const std::lock_guard lock(mutex_);
  failure_ = {};
  return Wrote::some;
}

LogSink::Wrote LogSink::fail(int error) {
  const std::lock_guard lock(mutex_);
  failure_ = {error, "write"};
  return Wrote::failed;
}

// Where the line begins that is written next or has been written in part.
size_t LogSink::line_start() const {
  const size_t newline = done_ == 0 ? std::string::npos : lines_.rfind('\n', done_ - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}

// A full disk may take only part of a line. That part is truncated, unless somebody else has appended to the
// file; then the rest of the line follows when there is space.
void LogSink::take_back_torn_line() {
  const size_t start = line_start(), part = done_ - start;
  struct stat found {};
  if (part == 0 || ::fstat(file_.fd.get(), &found) != 0) return;
  const off_t end = ::lseek(file_.fd.get(), 0, SEEK_CUR);
  if (end != found.st_size || ::ftruncate(file_.fd.get(), end - static_cast<off_t>(part)) != 0) return;
  ::lseek(file_.fd.get(), end - static_cast<off_t>(part), SEEK_SET);
  done_ = start;
}

// Waits for new lines, for a new file, or for space in this one.
void LogSink::wait(Wrote last) {
  pollfd events[] = {{wake_.get(), POLLIN, 0}, {file_.fd.get(), POLLOUT, 0}};
  const bool blocked = last == Wrote::blocked;
  ::poll(events, blocked ? 2 : 1, last == Wrote::some ? -1 : kRetryAfter);
  eventfd_t ignored;
  ::eventfd_read(wake_.get(), &ignored);
}

}  // namespace sealgate
