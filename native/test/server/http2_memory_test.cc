// What connections of HTTP/2 take of the heap.
#include <malloc.h>

#include <doctest/doctest.h>

#include <deque>
#include <string>

#include "test/client.h"
#include "test/http2_frames.h"
#include "test/served.h"

#ifndef __SANITIZE_ADDRESS__  // which has an allocator of its own
namespace {

using namespace sealgate;
using namespace sealgate::http2;

size_t heap() {
  const auto taken = ::mallinfo2();
  return taken.uordblks + taken.hblkhd;  // large blocks are mapped, and counted apart
}

// Receives frames until `count` of a kind have come that belong to a stream.
void await(TestClient& client, uint8_t type, size_t count) {
  while (count > 0) {
    const std::string header = client.receive(kHeaderBytes);
    REQUIRE(header.size() == kHeaderBytes);
    const std::string payload = client.receive(number_at(header, 0) >> 8);
    if (static_cast<uint8_t>(header[3]) == type && number_at(header, 5) != 0) count--;
  }
}

}  // namespace

TEST_CASE("a connection that has had its answers takes 32 KiB of the heap at most") {
  Served served(in_the_clear());
  served.add("/small", "as it was stored");
  std::deque<TestClient> clients;
  constexpr size_t kFirst = 10, kMore = 200;  // the first pay for what all share
  size_t before = 0;
  for (size_t i = 0; i < kFirst + kMore; i++) {
    if (i == kFirst) before = heap();
    TestClient& client = clients.emplace_back(served.port());
    client.send(preface());
    for (uint32_t stream = 1; stream < 20; stream += 2)
      client.send(frame(kHeaders, kEndHeaders | kEndStream, stream, head("GET", "/small")));
    await(client, kData, 10);
  }
  const size_t each = (heap() - before) / kMore;
  MESSAGE(each << " bytes each");
  CHECK(each <= 32 * 1024);
  CHECK(each >= 4 * 1024);  // else nothing was measured
}

TEST_CASE("a hundred uploads on one connection gather 6 MiB at most") {
  Served served(in_the_clear());
  TestClient client(served.port());
  client.send(preface());
  const size_t before = heap();
  constexpr uint32_t kUploads = 100;
  for (uint32_t n = 0; n < kUploads; n++)
    client.send(frame(kHeaders, kEndHeaders, 2 * n + 1, head("PUT", "/up")));
  await(client, kWindow, kUploads);  // which opens when there is a sink
  const size_t taken = heap() - before;
  MESSAGE(taken << " bytes");
  CHECK(taken <= size_t{6} << 20);
  CHECK(taken >= size_t{1} << 20);
}
#endif
