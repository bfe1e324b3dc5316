// The table of listening sockets: what is given is taken only when connections can be accepted from it, and
// workers divide what there is.
#include "server/listening_sockets.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "test/client.h"
#include "test/served.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

SocketAddress loopback(uint16_t port = 0) {
  SocketAddress out;
  REQUIRE(SocketAddress::parse("127.0.0.1", port, &out));
  return out;
}

// A socket that somebody else made, and where it is.
Fd made(int type, bool listens, SocketAddress* at, const SocketAddress& where = loopback()) {
  Fd fd(::socket(where.family(), type, 0));
  REQUIRE_EQ(::bind(fd.get(), where.get(), where.size()), 0);
  if (listens) REQUIRE_EQ(::listen(fd.get(), 8), 0);
  REQUIRE(SocketAddress::of(fd.get(), at).ok());
  return fd;
}

std::string refusal(Fd socket) {
  ListeningSockets table;
  std::string failure;
  CHECK_FALSE(table.give("one", std::move(socket), &failure));
  CHECK(table.left().empty());
  return failure;
}

TEST_CASE("what is no listening stream socket is not taken, and why is said") {
  SocketAddress at;
  CHECK_EQ(refusal(Fd(::open("/dev/null", O_RDONLY))), "is no socket");
  CHECK_EQ(refusal(Fd(99'999)), "is not open");
  Fd datagram = made(SOCK_DGRAM, false, &at);
  CHECK_EQ(refusal(std::move(datagram)), at.text() + " is no stream socket");
  Fd bound = made(SOCK_STREAM, false, &at);
  CHECK_EQ(refusal(std::move(bound)), at.text() + " does not listen");
}

TEST_CASE("a given socket is taken by name, else by address, and what nobody takes is left") {
  ListeningSockets table;
  std::string failure;
  SocketAddress named, addressed, other;
  REQUIRE(table.give("web", made(SOCK_STREAM, true, &named), &failure));
  REQUIRE(table.give("unit.socket", made(SOCK_STREAM, true, &addressed), &failure));
  REQUIRE(table.give("none", made(SOCK_STREAM, true, &other), &failure));
  REQUIRE(table.open({"web", loopback(1)}, &failure));
  REQUIRE(table.open({"second", addressed}, &failure));
  REQUIRE(table.open({"third", loopback(), false, 2}, &failure));
  CHECK(table.find("web")->sockets.front()->address == named);
  CHECK(table.find("second")->sockets.front()->address == addressed);
  CHECK_EQ(table.find("third")->sockets.size(), 2);
  REQUIRE_EQ(table.left().size(), 1);
  CHECK_EQ(table.left().front().name, "none");
  const int flags = ::fcntl(table.find("web")->sockets.front()->fd.get(), F_GETFD);
  CHECK((flags & FD_CLOEXEC) != 0);
}

TEST_CASE("an address where another socket listens is refused, also one that would share it") {
  ListeningSockets mine, others;
  std::string failure;
  REQUIRE(others.open({"a", loopback(), false, 2}, &failure));
  REQUIRE(others.listen(&failure));
  const SocketAddress taken = others.find("a")->sockets.front()->address;
  CHECK_FALSE(mine.open({"a", taken}, &failure));
  CHECK_EQ(failure, taken.text() + ": is in use; end what listens there, or name another address");
}

TEST_CASE("the file of a socket is removed by who made it or owns it, while it is the same file") {
  const TempDir dir;
  SocketAddress at;
  REQUIRE(SocketAddress::parse_path(dir.at("a.sock"), &at));
  const auto is_there = [&] { return ::access(at.path().c_str(), F_OK) == 0; };
  const auto opened = [&](ListeningSockets& table) {
    std::string failure;
    REQUIRE(table.open({"a", at, false, 1, 0600}, &failure));
    REQUIRE(table.listen(&failure));
  };
  ListeningSockets first;
  opened(first);
  Fd passed;
  REQUIRE(ListeningSockets::duplicate(*first.find("a"), &passed).ok());
  ListeningSockets second;
  std::string failure;
  REQUIRE(second.give("a", std::move(passed), &failure));
  opened(second);
  CHECK(first.owns(at.path()));
  CHECK_FALSE(second.owns(at.path()));
  SUBCASE("handed over") {
    first.hand_over();
    second.own(at.path());
    first.close();
    CHECK(is_there());
    second.close();
    CHECK_FALSE(is_there());
  }
  SUBCASE("not owned") {
    second.close();
    CHECK(is_there());
    first.close();
    CHECK_FALSE(is_there());
  }
  SUBCASE("another's by now") {
    second.close();
    REQUIRE_EQ(::unlink(at.path().c_str()), 0);
    ListeningSockets third;
    opened(third);
    first.close();
    CHECK(is_there());
  }
}

TEST_CASE("of many servers that start at once with one path, one has it, and its socket stays") {
  const TempDir dir;
  SocketAddress at;
  REQUIRE(SocketAddress::parse_path(dir.at("a.sock"), &at));
  for (int round = 0; round < 50; round++) {
    if (round % 2 == 1) {  // A killed server's is there.
      const Fd left(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      REQUIRE_EQ(::bind(left.get(), at.get(), at.size()), 0);
    }
    std::vector<ListeningSockets> tables(8);
    std::vector<std::string> failures(tables.size());
    std::vector<std::thread> starts;
    std::atomic<size_t> waiting = tables.size();
    for (size_t i = 0; i < tables.size(); i++)
      starts.emplace_back([&, i] {
        waiting--;
        while (waiting > 0) std::this_thread::yield();
        tables[i].open({"a", at, false, 1, 0600}, &failures[i]);
      });
    for (std::thread& each : starts) each.join();
    const std::string taken = at.text() + ": another process listens there; end it, or name another path";
    CHECK_EQ(std::count(failures.begin(), failures.end(), ""), 1);
    CHECK_EQ(std::count(failures.begin(), failures.end(), taken), tables.size() - 1);
    const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(::connect(client.get(), at.get(), at.size()), 0);
    for (ListeningSockets& table : tables) table.close();
  }
}

TEST_CASE("a folder that another process keeps locked: the socket is not made, and why is said") {
  const TempDir dir;
  SocketAddress at;
  REQUIRE(SocketAddress::parse_path(dir.at("a.sock"), &at));
  const Fd folder(::open(dir.at("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE_EQ(::flock(folder.get(), LOCK_EX), 0);
  ListeningSockets table;
  std::string failure;
  CHECK_FALSE(table.open({"a", at, false, 1, 0600}, &failure));
  CHECK_EQ(failure, at.text() + ": another process keeps the folder locked");
}

TEST_CASE("workers divide the sockets of a listener so that each socket has a worker") {
  ListeningSockets table;
  std::string failure;
  for (const size_t sockets : {1, 2, 3, 5}) {
    REQUIRE(table.open({std::to_string(sockets), loopback(), false, sockets}, &failure));
    for (const size_t workers : {1, 2, 3, 4}) {
      INFO(sockets, " sockets, ", workers, " workers");
      std::set<SharedSocket> served;
      for (size_t worker = 0; worker < workers; worker++) {
        const auto share = ListeningSockets::share_of(table.all().back(), worker, workers);
        CHECK_GE(share.size(), 1);
        served.insert(share.begin(), share.end());
      }
      CHECK_EQ(served.size(), sockets);
    }
  }
}

TEST_CASE("one socket that three workers share: each of them serves some of its connections") {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  options.listeners.front().others_accept = true;
  for (RespondPlan& each : options.problems) each.status = 500;
  Served first(options), second(options), third(options);
  options = {};
  std::vector<TestClient> clients;
  for (int i = 0; i < 30; i++) {
    clients.emplace_back(first.port());
    clients.back().send("what no application sees\r\n\r\n");
    CHECK(clients.back().receive_all().starts_with("HTTP/1.1 500 "));
  }
  uint64_t all = 0;
  for (const Served* each : {&first, &second, &third}) {
    const uint64_t accepted = each->reactor().counters().accepted.get();
    CHECK_GE(accepted, 1);
    all += accepted;
  }
  CHECK_EQ(all, 30);
}

TEST_CASE("a listener with two sockets, before one that wants PROXY headers: only that one closes without") {
  ReactorOptions options;
  options.listeners = {on_loopback(), on_loopback()};
  ListenerOptions& plain = options.listeners.front();
  plain.sockets.push_back(on_loopback().sockets.front());
  ListenerOptions& proxied = options.listeners.back();
  proxied.proxied = true;
  REQUIRE(AddressPrefix::parse("127.0.0.0/8", &proxied.proxies.emplace_back()));
  const auto port_of = [](const SharedSocket& socket) { return socket->address.port(); };
  const int first = port_of(plain.sockets[0]), second = port_of(plain.sockets[1]);
  const int last = port_of(proxied.sockets.front());
  for (RespondPlan& each : options.problems) each.status = 500;
  const Served served(std::move(options));
  for (const auto& [port, header, begin] : {std::tuple{first, "", "HTTP/1.1 500 "},
                                            {second, "", "HTTP/1.1 500 "},
                                            {last, "", ""},
                                            {last, "PROXY UNKNOWN\r\n", "HTTP/1.1 500 "}}) {
    CAPTURE(port);
    TestClient client(port);
    client.send(header + std::string("what no application sees\r\n\r\n"));
    CHECK_EQ(client.receive_all().substr(0, 13), begin);
  }
}

}  // namespace
}  // namespace sealgate
