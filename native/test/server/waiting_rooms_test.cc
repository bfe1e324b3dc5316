// Requests that wait for the same answer: the application is asked by one of them, and all get what it says.
#include <unistd.h>

#include <functional>
#include <vector>

#include <doctest/doctest.h>
#include "store/growing_file.h"
#include "test/client.h"
#include "test/http2_frames.h"
#include "test/served.h"

namespace sealgate {
namespace {

const std::string kGet = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const Counters& counters(const Served& served) { return served.reactor().counters(); }

bool eventually(const std::function<bool()>& is_so) {
  for (int tries = 0; tries < 1000; tries++, ::usleep(10'000)) {
    if (is_so()) return true;
  }
  return false;
}

// How many wait, once it is so many.
bool wait_for(const Served& served, uint64_t waiting) {
  return eventually([&] { return counters(served).waiting.get() == waiting; });
}

// As many clients as are wanted; the first has asked before the others do.
std::vector<TestClient> clients_of(const Served& served, uint64_t count) {
  std::vector<TestClient> clients;
  for (uint64_t i = 0; i < count; i++) {
    clients.emplace_back(served.port()).send(kGet);
    if (i == 0) CHECK(wait_for(served, 1));
  }
  CHECK(wait_for(served, count));
  return clients;
}

TEST_CASE("300 requests for what is not there yet: two questions, and the same answer for all once it is") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file);
  std::vector<TestClient> clients = clients_of(served, 299);
  TestClient framed(served.port());
  framed.send(http2::preface() + http2::frame(http2::kHeaders, http2::kEndHeaders | http2::kEndStream, 1,
                                              http2::head("GET", "/next")));
  CHECK(wait_for(served, 300));
  CHECK_EQ(counters(served).plan_misses.get(), 1);
  served.add("/next", "it is there");
  file->finish();
  for (TestClient& client : clients) CHECK(client.receive_all().ends_with("\r\n\r\nit is there"));
  std::string frames;
  while (!frames.ends_with("it is there")) {
    const std::string byte = framed.receive(1);
    REQUIRE(!byte.empty());
    frames += byte;
  }
  CHECK_EQ(counters(served).plan_misses.get(), 2);
  CHECK(wait_for(served, 0));
}

TEST_CASE("an answer without content is everybody's as well") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file);
  std::vector<TestClient> clients = clients_of(served, 5);
  served.forget("/next");
  file->fail();
  for (TestClient& client : clients) CHECK(client.receive_all().ends_with("\r\n\r\nabsent"));
  CHECK_EQ(counters(served).plan_misses.get(), 2);
}

TEST_CASE("when there is no answer after all, all wait for the next end") {
  Served served(http2::in_the_clear());
  const auto first = std::make_shared<GrowingFile>(), second = std::make_shared<GrowingFile>();
  served.await("/next", first);
  std::vector<TestClient> clients = clients_of(served, 5);
  served.await("/next", second);
  first->finish();
  // The test, the application and the room have it.
  CHECK(eventually([&] { return second.use_count() >= 3; }));
  CHECK_EQ(counters(served).waiting.get(), 5);
  served.add("/next", "later");
  second->finish();
  for (TestClient& client : clients) CHECK(client.receive_all().ends_with("\r\n\r\nlater"));
  CHECK_EQ(counters(served).plan_misses.get(), 3);
}

TEST_CASE("what grows meanwhile wakes nobody") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file);
  std::vector<TestClient> clients = clients_of(served, 3);
  for (uint64_t length = 1; length <= 1000; length++) file->grow(length);
  served.add("/next", "whole");
  file->finish();
  for (TestClient& client : clients) CHECK(client.receive_all().ends_with("\r\n\r\nwhole"));
  CHECK_EQ(counters(served).plan_misses.get(), 2);
}

TEST_CASE("the client that has waited longest leaves: the others get their answer") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file);
  std::vector<TestClient> clients = clients_of(served, 4);
  clients[0].reset();
  clients[2].reset();
  CHECK(wait_for(served, 2));
  served.add("/next", "still there");
  file->finish();
  CHECK(clients[1].receive_all().ends_with("\r\n\r\nstill there"));
  CHECK(clients[3].receive_all().ends_with("\r\n\r\nstill there"));
}

TEST_CASE("all leave, and nothing is left of their room") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file);
  for (TestClient& client : clients_of(served, 4)) client.reset();
  CHECK(wait_for(served, 0));
  served.add("/next", "late");
  TestClient client(served.port());
  client.send(kGet);
  CHECK(client.receive_all().ends_with("\r\n\r\nlate"));
  file->finish();
}

TEST_CASE("whoever has waited for as long as clients may is told so, and the connection goes on") {
  ReactorOptions options = http2::in_the_clear();
  options.application_timeout = 50;  // waiting is not the application's
  Served served(options);
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file, {}, 400);
  TestClient first(served.port()), second(served.port());
  first.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  ::usleep(200'000);
  second.send(kGet);
  CHECK(first.receive(24) == "HTTP/1.1 503 Service Una");
  CHECK_EQ(counters(served).waits_in_vain.get(), 1);
  served.add("/next", "in time");
  file->finish();
  CHECK(second.receive_all().ends_with("\r\n\r\nin time"));
  first.send(kGet);
  CHECK(first.receive_all().ends_with("\r\n\r\nin time"));
}

TEST_CASE("a request without the grant of those that wait asks for itself") {
  Served served(http2::in_the_clear());
  const auto file = std::make_shared<GrowingFile>();
  served.await("/next", file, "read:video");
  std::vector<TestClient> clients = clients_of(served, 3);
  CHECK_EQ(counters(served).plan_misses.get(), 3);
  served.add("/next", "for readers");
  file->finish();
  for (TestClient& client : clients) CHECK(client.receive_all().ends_with("\r\n\r\nfor readers"));
}

TEST_CASE("the server stops: who waits is answered") {
  const auto file = std::make_shared<GrowingFile>();
  std::vector<TestClient> clients;
  {
    Served served(http2::in_the_clear());
    served.await("/next", file);
    clients = clients_of(served, 3);
  }
  for (TestClient& client : clients) CHECK(client.receive_all().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("what has ended before the answer is asked for again") {
  Served served(http2::in_the_clear());
  const auto ended = std::make_shared<GrowingFile>(), file = std::make_shared<GrowingFile>();
  ended->finish();
  served.await("/next", ended);
  TestClient client(served.port());
  client.send(kGet);
  CHECK(eventually([&] { return counters(served).plan_misses.get() > 1; }));
  served.await("/next", file);
  CHECK(wait_for(served, 1));
  served.add("/next", "at last");
  file->finish();
  CHECK(client.receive_all().ends_with("\r\n\r\nat last"));
}

}  // namespace
}  // namespace sealgate
