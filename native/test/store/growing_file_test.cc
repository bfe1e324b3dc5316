// A growing file tells its readers how far it has come and what becomes of it, from any thread, and wakes
// each who waits once.
#include "store/growing_file.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include "test/temp_dir.h"

namespace sealgate {
namespace {

using State = GrowingFile::State;

TEST_CASE("a reader that waits is woken once, by growth or by the end") {
  for (const bool ends : {false, true}) {
    GrowingFile file;
    int woken = 0;
    CHECK(file.when_grown(0, [&] { woken++; }));
    ends ? file.finish() : file.grow(5);
    CHECK_EQ(woken, 1);
    ends ? file.fail() : file.grow(6);
    CHECK_EQ(woken, 1);
  }
}

TEST_CASE("a reader for whom there is more already, or whose file has ended, does not wait") {
  GrowingFile file;
  file.grow(5);
  const auto wake = [] { FAIL_CHECK("woken"); };
  CHECK_FALSE(file.when_grown(4, wake));
  GrowingFile other;
  other.fail();
  CHECK_FALSE(other.when_grown(0, wake));
}

TEST_CASE("growth to the length that there is wakes nobody") {
  GrowingFile file;
  file.grow(5);
  bool woken = false;
  CHECK(file.when_grown(5, [&] { woken = true; }));
  file.grow(5);
  CHECK_FALSE(woken);
}

TEST_CASE("the first end counts, and nothing grows after it") {
  GrowingFile whole, failed;
  whole.grow(5);
  whole.finish();
  whole.fail();
  whole.grow(6);
  CHECK(whole.state() == State::whole);
  CHECK_EQ(whole.length(), 5);
  failed.fail();
  failed.finish();
  CHECK(failed.state() == State::failed);
}

TEST_CASE("a file whose writer goes fails, unless all of it was received before") {
  for (const bool received : {false, true}) {
    const auto file = std::make_shared<GrowingFile>();
    auto writer = GrowingFile::claim(file);
    REQUIRE(writer);
    CHECK_FALSE(GrowingFile::claim(file));
    if (received) writer->received();
    writer.reset();
    CHECK(file->state() == (received ? State::growing : State::failed));
    CHECK_FALSE(GrowingFile::claim(file));
  }
}

TEST_CASE("who wakes up can look at the file and wait for it again") {
  GrowingFile file;
  uint64_t seen = 0;
  CHECK(file.when_grown(0, [&] {
    seen = file.length();
    CHECK(file.when_grown(seen, [&] { seen = file.length(); }));
  }));
  file.grow(5);
  CHECK_EQ(seen, 5);
  file.grow(9);
  CHECK_EQ(seen, 9);
}

TEST_CASE("readers on other threads get every byte that was written, and then the end") {
  TempDir dir;
  const std::string path = dir.at("file");
  GrowingFile file;
  constexpr int kPieces = 2000, kPieceBytes = 50;
  std::atomic<int> right{0};
  const auto read = [&] {
    std::string all;
    for (;;) {
      const State state = file.state();
      const uint64_t length = file.length();
      if (length > all.size()) {
        std::string piece(length - all.size(), '\0');
        if (::pread(file.fd(), piece.data(), piece.size(), static_cast<off_t>(all.size())) !=
            static_cast<ssize_t>(piece.size()))
          return;
        all += piece;
      } else if (state == State::whole) {
        break;
      } else {
        std::atomic<bool> woken{false};
        if (file.when_grown(all.size(), [&] {
              woken = true;
              woken.notify_one();
            }))
          woken.wait(false);
      }
    }
    if (all == std::string(static_cast<size_t>(kPieces) * kPieceBytes, 'x')) right++;
  };
  std::jthread first(read), second(read);
  write_file(path, "");
  REQUIRE(file.open(path).ok());
  for (int i = 0; i < kPieces; i++) {
    std::ofstream(path, std::ios::app) << std::string(kPieceBytes, 'x');
    file.grow(static_cast<uint64_t>(i + 1) * kPieceBytes);
  }
  file.finish();
  first.join();
  second.join();
  CHECK_EQ(right, 2);
}

TEST_CASE("a file that cannot be opened for readers is told") {
  TempDir dir;
  GrowingFile file;
  CHECK_EQ(file.open(dir.at("absent")).error, ENOENT);
}

}  // namespace
}  // namespace sealgate
