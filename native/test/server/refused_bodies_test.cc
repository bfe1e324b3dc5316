// What an encoder sends of a request that was answered before its body had come: it is thrown away while that
// has an end, and the connection goes on. Other clients' connections end.
#include <doctest/doctest.h>

#include <string>

#include "server/reactor.h"
#include "test/client.h"
#include "test/served.h"

namespace sealgate {
namespace {

constexpr size_t kMiB = 1024 * 1024;

ReactorOptions plain() {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  options.uploads = 2;
  return options;
}

std::vector<Mount> for_encoders() {
  std::vector<Mount> mounts = everything();
  mounts[0].id = 2;
  mounts[0].encoders = true;
  return mounts;
}

// The application answers a DELETE at once.
std::string refused(const std::string& fields) {
  return "DELETE /absent HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string of_length(size_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; }
const std::string kChunked = "Transfer-Encoding: chunked\r\n";
const std::string kStatus = "HTTP/1.1 404";
const std::string kLast = "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::string chunk(size_t bytes) {
  char size[32];
  ::snprintf(size, sizeof size, "%zx\r\n", bytes);
  return size + std::string(bytes, 'x') + "\r\n";
}

TEST_CASE("a body whose request was refused, in pieces: the next request on the connection is answered") {
  Served served(plain());
  served.add("/small", "small");
  served.replace_mounts(for_encoders());
  for (const std::string& framed : {of_length(3 * kMiB), kChunked}) {
    CAPTURE(framed);
    TestClient client(served.port());
    client.send(refused(framed));
    CHECK_EQ(client.receive(kStatus.size()), kStatus);  // before the body
    for (int i = 0; i < 3; i++) client.send(framed == kChunked ? chunk(kMiB) : std::string(kMiB, 'x'));
    client.send((framed == kChunked ? "0\r\n\r\n" : "") + kLast);
    const std::string answers = client.receive_all();
    CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 1);
    CHECK_EQ(count(answers, "Connection: close\r\n"), 1);
  }
}

TEST_CASE("a refused body and what follows it in one segment: both are answered") {
  Served served(plain());
  served.add("/small", "small");
  served.replace_mounts(for_encoders());
  TestClient client(served.port());
  client.send(refused(of_length(5)) + "bytes" + refused(kChunked) + chunk(5) + "0\r\n\r\n" + kLast);
  const std::string answers = client.receive_all();
  CHECK_EQ(count(answers, "HTTP/1.1 404 Not Found\r\n"), 2);
  CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 1);
}

TEST_CASE("a refused body of a client that is no encoder: the connection ends") {
  Served served(plain());
  served.add("/small", "small");
  TestClient client(served.port());
  client.send(refused(of_length(5)) + "bytes" + kLast);
  const std::string answers = client.receive_all();
  CHECK_EQ(count(answers, "Connection: close\r\n"), 1);
  CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 0);
}

TEST_CASE("a refused body that is longer than what is thrown away, or may not come: the connection ends") {
  Served served(plain());
  served.replace_mounts(for_encoders());
  for (const std::string& framed : {of_length(64 * kMiB + 1), of_length(5) + "Expect: 100-continue\r\n"}) {
    CAPTURE(framed);
    TestClient client(served.port());
    client.send(refused(framed));
    const std::string answer = client.receive_all();
    CHECK_EQ(count(answer, "HTTP/1.1 404"), 1);
    CHECK_EQ(count(answer, "Connection: close\r\n"), 1);
  }
}

TEST_CASE("a refused body that never ends, or breaks its framing: the connection ends") {
  Served served(plain());
  served.replace_mounts(for_encoders());
  {
    TestClient client(served.port());
    client.send(refused(kChunked));
    CHECK_EQ(client.receive(kStatus.size()), kStatus);
    for (size_t i = 0; i < 65; i++) client.send(chunk(kMiB));
    CHECK_EQ(count(client.receive_all(), "HTTP/1.1"), 0);
  }
  TestClient client(served.port());
  client.send(refused(kChunked) + "no chunk\r\n");
  CHECK_EQ(count(client.receive_all(), "HTTP/1.1"), 1);
}

TEST_CASE("a body that grows too large while it is received: 413, and the connection goes on") {
  Served served(plain());
  served.add("/small", "small");
  served.replace_mounts(for_encoders());
  TestClient client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\n" + kChunked + "\r\n");
  for (size_t sent = 0; sent < 4 * Served::kMostInMemory; sent += 50'000) client.send(chunk(50'000));
  client.send("0\r\n\r\n" + kLast);
  const std::string answers = client.receive_all();
  CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 1);
  CHECK_EQ(count(answers, "Connection: close\r\n"), 1);
}

TEST_CASE("encoders that leave within a refused body: others are answered") {
  Served served(plain());
  served.add("/small", "small");
  served.replace_mounts(for_encoders());
  for (int i = 0; i < 50; i++) {
    TestClient client(served.port());
    client.send(refused(i % 2 == 0 ? kChunked : of_length(kMiB)) + (i % 2 == 0 ? chunk(1000) : "some"));
    if (i % 3 == 0) (void)client.receive(1);
    if (i % 5 == 0) client.reset();
  }
  TestClient client(served.port());
  client.send(kLast);
  CHECK_EQ(count(client.receive_all(), "HTTP/1.1 200 OK\r\n"), 1);
}

}  // namespace
}  // namespace sealgate
