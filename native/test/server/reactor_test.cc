// A reactor serves whoever comes next, whatever clients send and whenever they go; and it tells the access
// log what each of them asked. Run with AddressSanitizer, too, this is what watches the lives of requests,
// responses and uploads.
#include "server/reactor.h"

#include <algorithm>

#include <doctest/doctest.h>
#include "test/client.h"
#include "test/served.h"

namespace sealgate {
namespace {

ReactorOptions plain() {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  options.uploads = 2;
  return options;
}

std::string get(const std::string& target, std::string_view fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string put(std::string_view fields, std::string_view body) {
  return "PUT /upload HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
constexpr std::string_view kLast = "Connection: close\r\n";

TEST_CASE("requests in one segment are answered whole, in order, and logged in that order") {
  TempDir logs;
  REQUIRE(Engine::instance().access_log.open(logs.at("access.log")).ok());
  {
    Served served(plain());
    // Large ones go on in a later turn, when the bytes that were received with them are long gone.
    served.add("/large", std::string(300'000, '~'));
    served.add("/small", std::string(1000, '^'));
    for (const bool known : {false, true}) {
      INFO(std::string(known ? "plans are kept" : "plans are to be made"));
      TestClient client(served.port());
      client.send(get("/large") + get("/small") + get("/large") + get("/large", "Range: bytes=0-99999\r\n") +
                  get("/absent") + get("/large", kLast));
      const std::string answers = client.receive_all();
      CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 4);
      CHECK_EQ(count(answers, "HTTP/1.1 206 Partial Content\r\n"), 1);
      CHECK_EQ(count(answers, "HTTP/1.1 404 Not Found\r\n"), 1);
      CHECK_EQ(std::count(answers.begin(), answers.end(), '~'), 1'000'000);
      CHECK_EQ(std::count(answers.begin(), answers.end(), '^'), 1000);
    }
  }
  for (int i = 0; i < 1000 && count(read_file(logs.at("access.log")), "\n") < 12; i++) ::usleep(10'000);
  const std::string lines = read_file(logs.at("access.log"));
  CHECK_EQ(count(lines, "\n"), 12);
  CHECK_EQ(count(lines, R"("method":"GET","target":"/large")"), 8);
  CHECK_EQ(count(lines, R"("method":"GET","target":"/small")"), 2);
  CHECK_EQ(count(lines, R"("method":"GET","target":"/absent")"), 2);
}

TEST_CASE("mounts that are replaced under load cost no request, and no plan of theirs is left") {
  Served served(plain());
  served.add("/small", std::string(1000, '^'));
  for (uint32_t id = 2; id < 40; id++) {
    TestClient client(served.port());
    client.send(get("/small") + get("/small") + get("/absent"));
    served.replace_mounts({{id, "*", "/", true, {}}});
    client.send(get("/small", kLast));
    const std::string answers = client.receive_all();
    CHECK_EQ(count(answers, "HTTP/1.1 200 OK\r\n"), 3);
    CHECK_EQ(count(answers, "HTTP/1.1 404 Not Found\r\n"), 1);
  }
  served.replace_mounts({{40, "*", "/elsewhere/", true, {}}});
  TestClient client(served.port());
  client.send(get("/small", kLast));
  CHECK_EQ(count(client.receive_all(), "HTTP/1.1 200 OK\r\n"), 1);
  CHECK_EQ(served.reactor().counters().plan_entries.get(), 0);
}

TEST_CASE("clients that ask and leave: the application is asked no more than it may be at a time") {
  ReactorOptions options = plain();
  options.application_requests = 8;
  Served served(std::move(options));
  served.add("/small", std::string(1000, '^'));
  constexpr uint64_t kClients = 3000;
  for (uint64_t asked = 1; asked <= kClients; asked++) {
    TestClient client(served.port());
    client.send(get("/held"));
    for (int i = 0; i < 1000 && served.reactor().counters().requests.get() < asked; i++) ::usleep(1000);
    client.reset();
  }
  // The application has one in hand. What it would have to do besides is looked at, and given back to it.
  std::vector<ApplicationEvent> waiting;
  Engine::instance().application.drain(waiting);
  CHECK_LE(waiting.size(), 8);
  CHECK_GE(waiting.size(), 1);
  for (ApplicationEvent& each : waiting) Engine::instance().application.push(std::move(each));
  for (uint64_t i = 0; i < kClients; i++) served.let_go();
  TestClient client(served.port());
  client.send(get("/small", kLast));
  CHECK_EQ(count(client.receive_all(), "HTTP/1.1 200 OK\r\n"), 1);
}

TEST_CASE("whatever clients send before they go, those who come next are served") {
  Served served(plain());
  served.add("/large", std::string(3'000'000, 'l'));
  served.add("/small", std::string(1000, 's'));
  const std::string body(40'000, 'b');
  const std::string sent[] = {
      get("/small") + get("/large") + get("/small"),
      put("Content-Length: 40000\r\nExpect: 100-continue\r\n", body) + get("/large"),
      put("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"),
      get("/large") + put("Content-Length: 5\r\nExpect: 100-continue\r\n", "") + "hello",
  };
  for (const std::string& bytes : sent) {
    const size_t step = std::max<size_t>(1, bytes.size() / 300);
    for (size_t size = 0; size <= bytes.size(); size += step) {
      for (const bool resets : {false, true}) {
        TestClient client(served.port());
        client.send(std::string_view(bytes).substr(0, size));
        if (size % 3 == 0) client.receive(20, 1);
        if (resets) client.reset();
      }
    }
  }
  // All upload places are free again, as soon as it was noticed who has gone.
  const std::string upload = put("Content-Length: 5\r\nConnection: close\r\n", "hello");
  std::string answer;
  for (int i = 0; i < 1000 && answer.find(" 201 ") == answer.npos; i++) {
    TestClient first(served.port());
    first.send(upload.substr(0, upload.size() - 1));
    TestClient second(served.port());
    second.send(upload);
    answer = second.receive_all();
  }
  CHECK(answer.find(" 201 ") != answer.npos);
  TestClient client(served.port());
  client.send(get("/large", kLast));
  const std::string large = client.receive_all();
  CHECK_EQ(large.size() - large.find("\r\n\r\n") - 4, 3'000'000);
}

TEST_CASE("a second plan to receive one body is answered with 500 at once, logged, and keeps no place") {
  TempDir logs;
  REQUIRE(Engine::instance().log.open(logs.at("log")).ok());
  ReactorOptions options = plain();
  options.problems[static_cast<size_t>(Problem::plan_out_of_place)] = {500, {}, "out of place"};
  options.request_ids.trust.emplace_back();
  REQUIRE(AddressPrefix::parse("127.0.0.1", &options.request_ids.trust.front()));
  Served served(options);
  for (int i = 0; i < 3; i++) {  // one more than there are places
    TestClient client(served.port());
    client.send("PUT /twice HTTP/1.1\r\nHost: a\r\nX-Request-Id: \"" + std::to_string(i) +
                "\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    const std::string answer = client.receive_all();
    CHECK(answer.starts_with("HTTP/1.1 500 "));
    CHECK(answer.ends_with("out of place"));
  }
  for (int i = 0; i < 1000 && count(read_file(logs.at("log")), "\n") < 3; i++) ::usleep(10'000);
  const std::string lines = read_file(logs.at("log"));
  CHECK_EQ(count(lines, R"({"level":50,"time":")"), 3);
  CHECK_EQ(count(lines, R"(","request":"\"2","msg":"the application )"), 1);
}

TEST_CASE("at the limit of connections the one that has been idle longest gives way to a new one") {
  ReactorOptions options = plain();
  options.connections = 3;
  Served served(options);
  std::vector<TestClient> silent;
  for (int i = 0; i < 3; i++) silent.emplace_back(served.port());
  TestClient late(served.port());
  late.send(get("/absent", kLast));
  CHECK(late.receive_all().starts_with("HTTP/1.1 "));
  for (size_t i = 0; i < 3; i++) {
    silent[i].send(get("/absent", kLast));
    CHECK_EQ(silent[i].receive_all().starts_with("HTTP/1.1 "), i > 0);
  }
}

}  // namespace
}  // namespace sealgate
