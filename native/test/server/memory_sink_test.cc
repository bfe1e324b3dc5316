// Bodies that the application wants in memory reach it as they were sent, however they come, and what they
// count as is given back whoever goes first.
#include "server/memory_sink.h"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>
#include "test/client.h"
#include "test/served.h"

namespace sealgate {
namespace {

ReactorOptions plain() {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  options.stall_timeout = 200;
  options.problems[static_cast<size_t>(Problem::body_too_large)] = {413, {}, "too large"};
  options.problems[static_cast<size_t>(Problem::body_timeout)] = {408, {}, "too slow"};
  options.problems[static_cast<size_t>(Problem::application_overloaded)] = {503, {}, "busy"};
  return options;
}

constexpr std::string_view kLast = "Connection: close\r\n";
constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";

std::string post(std::string_view fields, const std::string& target = "/") {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string length(size_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; }
std::string chunk(std::string_view bytes) {
  char size[32];
  (void)std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}
std::string body_of(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == answer.npos ? "no answer: " + answer : answer.substr(end + 4);
}
std::string some(size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; i++) body[i] = static_cast<char>(i * 31 + i / 251);
  return body;
}

// All the memory for bodies that is left, in parts of the smallest bodies.
std::vector<BodyMemory::Taken> take_all() {
  std::vector<BodyMemory::Taken> taken;
  for (;;) {
    BodyMemory::Taken one = Engine::instance().bodies.take({taken.size(), taken.size()}, 0);
    if (!one) return taken;
    taken.push_back(std::move(one));
  }
}
size_t room() { return take_all().size(); }
bool becomes_free() {
  for (int i = 0; i < 1000 && room() < 16384; i++) ::usleep(10'000);
  return room() == 16384;
}

TEST_CASE("a body of any size and framing reaches the application as it was sent") {
  Served served(plain());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{40'000}, Served::kMostInMemory}) {
    const std::string body = some(size);
    INFO((std::to_string(size) + " bytes"));
    TestClient known(served.port());
    known.send(post(length(size) + std::string(kLast)) + body);
    CHECK(body_of(known.receive_all()) == body);
    TestClient chunked(served.port());
    const std::string_view all = body;
    chunked.send(post(std::string(kChunked) + std::string(kLast)));
    if (size > 0) chunked.send(chunk(all.substr(0, size / 3 + 1)));
    if (size > 1) chunked.send(chunk(all.substr(size / 3 + 1)));
    chunked.send("0\r\nTrailer: x\r\n\r\n");
    CHECK(body_of(chunked.receive_all()) == body);
  }
  CHECK(becomes_free());
}

TEST_CASE("a body that comes a byte at a time is whole with its last, and so is one without framing") {
  Served served(plain());
  TestClient slow(served.port());
  slow.send(post(length(50) + std::string(kLast)));
  const std::string body = some(50);
  for (size_t i = 0; i < body.size(); i++) slow.send(std::string_view(body).substr(i, 1));
  CHECK(body_of(slow.receive_all()) == body);
  TestClient none(served.port());
  none.send(post(kLast));
  CHECK_EQ(body_of(none.receive_all()), "");
}

TEST_CASE("requests behind a body are answered after it") {
  Served served(plain());
  served.add("/small", "small");
  TestClient client(served.port());
  client.send(post(length(5)) + "first" + "GET /small HTTP/1.1\r\nHost: a\r\n\r\n" + post(kChunked) +
              chunk("second") + "0\r\n\r\n" + post(length(4) + std::string(kLast)) + "last");
  const std::string answers = client.receive_all();
  CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 4);
  const size_t at[] = {answers.find("first"), answers.find("\r\n\r\nsmall"), answers.find("second"),
                       answers.find("\r\n\r\nlast")};
  CHECK(std::is_sorted(std::begin(at), std::end(at)));
  CHECK(at[3] != answers.npos);
}

TEST_CASE("a body larger than wanted is answered 413, with its length known or not") {
  Served served(plain());
  TestClient known(served.port());
  known.send(post(length(Served::kMostInMemory + 1)));
  CHECK(known.receive_all().starts_with("HTTP/1.1 413 "));
  TestClient chunked(served.port());
  chunked.send(post(kChunked) + chunk(some(Served::kMostInMemory)) + "1\r\n");
  chunked.send("x");
  CHECK(chunked.receive_all().starts_with("HTTP/1.1 413 "));
  CHECK(becomes_free());
}

TEST_CASE("a body that stalls is answered 408, also when only its end is missing") {
  Served served(plain());
  const std::string sent[] = {
      post(length(10)) + "12345",
      post(kChunked) + "5\r\n123",
      post(kChunked) + chunk(some(Served::kMostInMemory)),
  };
  for (const std::string& part : sent) {
    TestClient client(served.port());
    client.send(part);
    CHECK(client.receive_all().starts_with("HTTP/1.1 408 "));
  }
  CHECK(becomes_free());
}

TEST_CASE("a body whose client has gone counts until the application has taken it, and no longer") {
  ReactorOptions options = plain();
  options.application_timeout = 100;
  Served served(options);
  const size_t all = room();
  TestClient client(served.port());
  client.send(post(length(50'000), "/held") + some(50'000));
  CHECK(client.receive_all().starts_with("HTTP/1.1 503 "));
  CHECK_EQ(all - room(), 13);
  served.let_go();
  CHECK(becomes_free());
}

TEST_CASE("clients that go at any byte leave nothing taken") {
  Served served(plain());
  const std::string bytes = post(length(3000) + "Expect: 100-continue\r\n") + some(3000) + post(kChunked) +
                            chunk(some(2000)) + "0\r\n\r\n";
  for (size_t size = 0; size <= bytes.size(); size += 17) {
    for (const bool resets : {false, true}) {
      TestClient client(served.port());
      client.send(std::string_view(bytes).substr(0, size));
      if (size % 3 == 0) client.receive(20, 1);
      if (resets) client.reset();
    }
  }
  CHECK(becomes_free());
}

TEST_CASE("without memory for it a body is refused with 503, and taken when there is some again") {
  Served served(plain());
  {
    const auto taken = take_all();
    TestClient client(served.port());
    client.send(post(length(5) + std::string("Expect: 100-continue\r\n")));
    CHECK(client.receive_all().starts_with("HTTP/1.1 503 "));
  }
  TestClient client(served.port());
  client.send(post(length(5) + std::string(kLast)) + "hello");
  CHECK_EQ(body_of(client.receive_all()), "hello");
}

}  // namespace
}  // namespace sealgate
