// Readers of a file that any thread writes: each gets every byte in its place, for as long as it takes, and
// may go at any time.
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <random>

#include <doctest/doctest.h>
#include "store/growing_file.h"
#include "test/client.h"
#include "test/http2_frames.h"
#include "test/served.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

// A file that is written as threads of a pool would.
class Written {
 public:
  Written() {
    write_file(path_, "");
    if (!file->open(path_).ok()) std::abort();
  }
  void append(std::string_view bytes) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << bytes;
    file->grow(length_ += bytes.size());
  }
  const std::shared_ptr<GrowingFile> file = std::make_shared<GrowingFile>();

 private:
  TempDir dir_;
  const std::string path_ = dir_.at("file");
  uint64_t length_ = 0;
};

const std::string kGet = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::string head_of(TestClient& client) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string byte = client.receive(1);
    if (byte.empty()) break;
    head += byte;
  }
  return head;
}

// The body that chunks hold; "broken" where they are none, or have no end.
std::string body_in(std::string_view chunks) {
  std::string body;
  for (;;) {
    size_t size = 0;
    const auto [end, failure] = std::from_chars(chunks.data(), chunks.data() + chunks.size(), size, 16);
    if (failure != std::errc()) return "broken";
    chunks.remove_prefix(static_cast<size_t>(end - chunks.data()));
    if (chunks.size() < size + 4 || chunks.substr(0, 2) != "\r\n" || chunks.substr(2 + size, 2) != "\r\n")
      return "broken";
    if (size == 0) return chunks.size() == 4 ? body : "broken";
    body.append(chunks.substr(2, size));
    chunks.remove_prefix(size + 4);
  }
}

TEST_CASE("a reader who has waited for longer than clients may stall gets what comes then") {
  ReactorOptions options = http2::in_the_clear();
  options.stall_timeout = 200;
  Written written;
  Served served(options);
  served.add("/live", written.file);
  written.append("first");
  TestClient client(served.port()), framed(served.port());
  client.send(kGet);
  framed.send(http2::preface() + http2::frame(http2::kHeaders, http2::kEndHeaders | http2::kEndStream, 1,
                                              http2::head("GET", "/live")));
  CHECK(head_of(client).find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK_EQ(client.receive(10), "5\r\nfirst\r\n");
  std::string frames;
  const auto receive_frames = [&](std::string_view end) {
    while (!frames.ends_with(end)) {
      const std::string byte = framed.receive(1);
      REQUIRE(!byte.empty());
      frames += byte;
    }
  };
  receive_frames("first");
  ::usleep(1'000'000);
  written.append("second");
  CHECK_EQ(client.receive(11), "6\r\nsecond\r\n");
  receive_frames("second");
  ::usleep(500'000);
  written.file->finish();
  CHECK_EQ(client.receive_all(), "0\r\n\r\n");
  receive_frames(http2::frame(http2::kData, http2::kEndStream, 1));
  CHECK_EQ(served.reactor().counters().write_stalls.get(), 0);
}

TEST_CASE("a range that begins behind what there is waits for longer than the application may take") {
  ReactorOptions options = http2::in_the_clear();
  options.application_timeout = 200;
  Written written;
  Served served(options);
  served.add("/live", written.file);
  written.append("0123");
  TestClient client(served.port());
  client.send("GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: bytes=5-5\r\n\r\n");
  ::usleep(1'000'000);
  written.append("45");
  CHECK(head_of(client).find("Content-Range: bytes 5-5/*\r\n") != std::string::npos);
  CHECK_EQ(client.receive_all(), "5");
}

TEST_CASE("of a promised length the last byte leaves when the file is whole, and not at all when it fails") {
  for (const bool fails : {false, true}) {
    Written written;
    Served served(http2::in_the_clear());
    served.add("/live", written.file);
    written.file->expect(6);
    TestClient client(served.port());
    client.send(kGet);
    CHECK(head_of(client).find("Content-Length: 6\r\n") != std::string::npos);
    written.append("012345");
    CHECK_EQ(client.receive(6, 200), "01234");
    fails ? written.file->fail() : written.file->finish();
    CHECK_EQ(client.receive_all(), fails ? "" : "5");
  }
}

TEST_CASE("a reader who is slow gets every byte in its place") {
  Written written;
  Served served(http2::in_the_clear());
  served.add("/live", written.file);
  std::string all(12'000'000, '\0');
  std::minstd_rand random(1);
  for (char& byte : all) byte = static_cast<char>(random());
  TestClient client(served.port());
  client.send(kGet);
  constexpr size_t kPiece = 99'991;
  for (size_t at = 0; at < all.size(); at += kPiece) written.append(std::string_view(all).substr(at, kPiece));
  written.file->finish();
  (void)head_of(client);
  std::string chunks;
  for (int turn = 0; turn < 200; turn++) {
    chunks += client.receive(20'000);
    ::usleep(1000);
  }
  chunks += client.receive_all();
  const bool same = body_in(chunks) == all;  // what differs is too much to be printed
  CHECK(same);
}

TEST_CASE("readers who go at any time, and a file that grows meanwhile: a neighbour is answered") {
  Served served(http2::in_the_clear());
  served.add("/small", "small");
  for (uint32_t seed = 1; seed <= 40; seed++) {
    CAPTURE(seed);
    std::minstd_rand random(seed);
    Written written;
    served.add("/live", written.file);
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int step = 0; step < 60; step++) {
      switch (random() % 6) {
        case 0: written.append(std::string(random() % 100'000, 'x')); break;
        case 1:
          clients.push_back(std::make_unique<TestClient>(served.port()));
          clients.back()->send(kGet);
          break;
        case 2:
          clients.push_back(std::make_unique<TestClient>(served.port()));
          clients.back()->send(http2::preface());
          for (uint32_t stream = 1; stream < 9; stream += 2)
            clients.back()->send(http2::frame(http2::kHeaders, http2::kEndHeaders | http2::kEndStream, stream,
                                              http2::head("GET", "/live")));
          break;
        case 3:
          if (!clients.empty())
            clients[random() % clients.size()]->send(http2::frame(http2::kReset, 0, 3, http2::number32(8)));
          break;
        case 4:
          if (!clients.empty()) (void)clients[random() % clients.size()]->receive(random() % 50'000, 1);
          break;
        default:
          if (clients.empty()) break;
          if (random() % 2 == 0) clients.back()->reset();
          clients.pop_back();
      }
    }
    seed % 2 == 0 ? written.file->finish() : written.file->fail();
    TestClient neighbour(served.port());
    neighbour.send("GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(neighbour.receive_all().ends_with("small"));
  }
}

}  // namespace
}  // namespace sealgate
