// A log sink writes whole lines, whatever becomes of the file, and nobody who has lines waits for it.
#include "base/log_sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <doctest/doctest.h>
#include "test/readable.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

std::string numbered(int i, size_t padding = 0) {
  return "line " + std::to_string(i) + std::string(padding, '.') + "\n";
}

std::string lines(int from, int to, size_t padding = 0) {
  std::string all;
  for (int i = from; i < to; i++) all += numbered(i, padding);
  return all;
}

// Reads what a pipe holds, until nothing comes for a while.
std::string drain(int fd) {
  std::string all;
  char buffer[65536];
  while (readable(fd, 1500)) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    all.append(buffer, static_cast<size_t>(n));
  }
  return all;
}

bool fails_soon(LogSink& sink) {
  for (int64_t waited = 0; waited < kPatience && sink.failure().ok(); waited += 10) ::usleep(10'000);
  return !sink.failure().ok();
}

TEST_CASE("lines go to the file, and to a new one after it was renamed and opened again") {
  const TempDir dir;
  const std::string path = dir.at("log"), old = path + ".1";
  LogSink sink;
  REQUIRE(sink.open(path).ok());
  CHECK(sink.write(lines(0, 3)));
  CHECK(sink.flush(kPatience));
  CHECK_EQ(::rename(path.c_str(), old.c_str()), 0);
  REQUIRE(sink.open(path).ok());
  CHECK(sink.write(lines(3, 5)));
  CHECK(sink.flush(kPatience));
  CHECK_EQ(read_file(old), lines(0, 3));
  CHECK_EQ(read_file(path), lines(3, 5));
}

TEST_CASE("a file that ends in a part of a line has that line ended first") {
  const TempDir dir;
  write_file(dir.at("log"), "torn");
  LogSink sink;
  REQUIRE(sink.open(dir.at("log")).ok());
  CHECK(sink.write("whole\n"));
  CHECK(sink.flush(kPatience));
  CHECK_EQ(read_file(dir.at("log")), std::string("torn\nwhole\n"));
}

TEST_CASE("a file that cannot be opened is an error") {
  LogSink sink;
  CHECK_EQ(sink.open("/nowhere/access.log").error, ENOENT);
  CHECK(!sink.enabled());
}

TEST_CASE("stalled is the time since the last write while lines wait, and 0 when none does") {
  const TempDir dir;
  const std::string fifo = dir.at("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  LogSink sink;
  REQUIRE(sink.open(fifo).ok());
  CHECK_EQ(sink.stalled(), 0);
  CHECK(sink.write(std::string(200'000, 'x').append("\n")));
  for (int64_t waited = 0; waited < kPatience && sink.stalled() < 100; waited += 10) ::usleep(10'000);
  CHECK(sink.stalled() >= 100);
  const Fd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK));
  (void)drain(reader.get());
  CHECK(sink.flush(kPatience));
  CHECK_EQ(sink.stalled(), 0);
}

TEST_CASE("a file that may not grow holds whole lines only, and goes on when it may") {
  const TempDir dir;
  const std::string path = dir.at("log");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 100;  // in the middle of a line
  LogSink sink;
  REQUIRE(sink.open(path).ok());
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK(sink.write(lines(0, 30)));
  CHECK(fails_soon(sink));
  const std::string full = read_file(path);
  CHECK(full.size() > 80);
  CHECK(full.size() <= 100);
  CHECK(full.ends_with('\n'));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(sink.flush(kPatience));
  CHECK(sink.failure().ok());
  CHECK_EQ(read_file(path), lines(0, 30));
}

TEST_CASE("a FIFO without a reader: opening does not wait, and the reader that comes gets every line") {
  const TempDir dir;
  REQUIRE(::mkfifo(dir.at("fifo").c_str(), 0600) == 0);
  LogSink sink;
  REQUIRE(sink.open(dir.at("fifo")).ok());
  // More than a pipe holds.
  CHECK(sink.write(lines(0, 2000, 100)));
  CHECK(!sink.flush(50));
  CHECK(sink.failure().ok());
  const Fd reader(::open(dir.at("fifo").c_str(), O_RDONLY | O_NONBLOCK));
  CHECK_EQ(drain(reader.get()), lines(0, 2000, 100));
}

TEST_CASE(
    "a reader that stopped: what finds no room is refused whole, the rest comes in order, no line is torn") {
  const TempDir dir;
  REQUIRE(::mkfifo(dir.at("fifo").c_str(), 0600) == 0);
  LogSink sink(200'000);
  REQUIRE(sink.open(dir.at("fifo")).ok());
  const Fd reader(::open(dir.at("fifo").c_str(), O_RDONLY | O_NONBLOCK));
  std::string taken;
  int refused = 0;
  for (int i = 0; i < 10'000; i++) {
    if (sink.write(numbered(i, 90))) {
      taken += numbered(i, 90);
    } else {
      refused++;
    }
  }
  CHECK(refused > 1000);
  CHECK(sink.waiting() <= 200'000);
  CHECK_EQ(drain(reader.get()), taken);
}

TEST_CASE("a line longer than a pipe takes at once comes whole") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]), writer(ends[1]);
  LogSink sink;
  REQUIRE(sink.open_descriptor(writer.get()).ok());
  const std::string long_line = numbered(0, 150'000);
  CHECK(sink.write(long_line + "next\n"));
  CHECK_EQ(drain(reader.get()), long_line + "next\n");
  // The descriptor that others write to as well still blocks.
  CHECK_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_CASE(
    "a pipe whose reader is gone, and a socket whose peer is: a failure that is told, and lines that wait") {
  ::signal(SIGPIPE, SIG_IGN);
  int ends[2], sockets[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  const Fd writers[] = {Fd(ends[1]), Fd(sockets[1])};
  ::close(ends[0]);
  ::close(sockets[0]);
  for (const Fd& writer : writers) {
    LogSink sink;
    REQUIRE(sink.open_descriptor(writer.get()).ok());
    CHECK(sink.write("lost\n"));
    CHECK(fails_soon(sink));
    CHECK_EQ(sink.failure().error, EPIPE);
    CHECK_EQ(sink.waiting(), 5u);
  }
}

TEST_CASE("another file in place of one that blocks gets the lines that wait, each of them whole") {
  const TempDir dir;
  REQUIRE(::mkfifo(dir.at("fifo").c_str(), 0600) == 0);
  LogSink sink;
  REQUIRE(sink.open(dir.at("fifo")).ok());
  CHECK(sink.write(lines(0, 5000, 90)));
  CHECK(!sink.flush(50));
  REQUIRE(sink.open(dir.at("log")).ok());
  CHECK(sink.flush(kPatience));
  const std::string text = read_file(dir.at("log"));
  CHECK(text.size() > 100'000);
  CHECK(lines(0, 5000, 90).ends_with(text));
  CHECK(text.starts_with("line "));
}

TEST_CASE("a sink that ends while nobody reads does not wait") {
  const TempDir dir;
  REQUIRE(::mkfifo(dir.at("fifo").c_str(), 0600) == 0);
  LogSink sink;
  REQUIRE(sink.open(dir.at("fifo")).ok());
  CHECK(sink.write(lines(0, 5000, 90)));
}

}  // namespace
}  // namespace sealgate
