// A reactor under clients of HTTP/2 that do what comes to their mind: requests, uploads in pieces, resets,
// windows, pings and the end, in any order. Nothing of a stream may be used once it is gone, and others are
// answered after each of them.
#include "server/http2_session.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "test/client.h"
#include "test/http2_frames.h"
#include "test/served.h"

namespace {

using namespace sealgate;
using namespace sealgate::http2;

class Whim {
 public:
  explicit Whim(uint32_t seed) : random_(seed) {}
  // What the client does next.
  std::string act() {
    const uint32_t some = next_ > 1 ? 1 + 2 * below(next_ / 2) : 1;
    switch (below(10)) {
      case 0: return frame(kReset, 0, some, number32(8));
      case 1: return frame(kWindow, 0, below(2) ? some : 0, number32(1 + below(1 << 20)));
      case 2: return frame(kPing, 0, 0, std::string(8, 'p'));
      case 3:
      case 4: return frame(kData, below(3) == 0 ? kEndStream : 0, some, std::string(below(16'000), 'd'));
      case 5: return request(kEndHeaders, head("PUT", "/up"));
      case 6: return request(kEndHeaders, head("POST", "/echo"));
      case 7: return request(kEndHeaders | kEndStream, head("GET", "/large"));
      default: return request(kEndHeaders | kEndStream, head("GET", below(4) ? "/small" : "/none"));
    }
  }
  uint32_t below(uint32_t most) { return static_cast<uint32_t>(random_() % most); }

 private:
  std::string request(uint8_t flags, const std::string& block) {
    const uint32_t stream = next_;
    next_ += 2;
    return frame(kHeaders, flags, stream, block);
  }

  std::minstd_rand random_;
  uint32_t next_ = 1;
};

}  // namespace

TEST_CASE("a request over HTTP/2 is answered: SETTINGS, the head and the bytes") {
  Served served(in_the_clear());
  served.add("/small", "as it was stored");
  TestClient client(served.port());
  client.send(preface() + frame(kHeaders, kEndHeaders | kEndStream, 1, head("GET", "/small")));
  std::string received;
  while (received.find("as it was stored") == received.npos) {
    const std::string more = client.receive(1);
    REQUIRE(!more.empty());
    received += more;
  }
  CHECK(received[3] == kSettings);
}

TEST_CASE("clients that do anything in any order: a neighbour is answered after each") {
  Served served(in_the_clear());
  served.add("/small", "small");
  served.add("/large", std::string(300'000, 'l'));
  for (uint32_t seed = 1; seed <= 150; seed++) {
    CAPTURE(seed);
    Whim whim(seed);
    TestClient client(served.port());
    client.send(preface());
    for (uint32_t n = 20 + whim.below(150); n > 0; n--) {
      client.send(whim.act());
      if (whim.below(8) == 0) (void)client.receive(whim.below(50'000), 1);
    }
    if (seed % 2 == 0) client.reset();
    TestClient neighbour(served.port());
    neighbour.send("GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(neighbour.receive_all().ends_with("small"));
  }
}
