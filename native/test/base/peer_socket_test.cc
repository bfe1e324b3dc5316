// What two processes of one user say and give to each other.
#include "base/peer_socket.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "test/temp_dir.h"

namespace sealgate {
namespace {

struct Pair {
  TempDir dir;
  Fd listening, one, other;

  Pair() {
    REQUIRE(PeerSocket::listen(dir.at("."), "peers", &listening).ok());
    REQUIRE(PeerSocket::connect(dir.at("."), "peers", &one).ok());
    REQUIRE(PeerSocket(std::move(listening)).accept(&other).ok());
  }
};

TEST_CASE("a text arrives as one message, also when it takes many packets") {
  Pair pair;
  PeerSocket from(std::move(pair.one)), to(std::move(pair.other));
  const std::string text(1 << 20, 'x');
  std::thread sending([&] { CHECK(from.send(text, {}).ok()); });
  PeerSocket::Message message;
  CHECK(to.receive(&message).ok());
  sending.join();
  CHECK_EQ(message.text.size(), text.size());
  CHECK(message.files.empty());
}

TEST_CASE("files go along, more than one packet takes, and are the same open files") {
  Pair pair;
  PeerSocket from(std::move(pair.one)), to(std::move(pair.other));
  std::vector<Fd> files;
  for (int i = 0; i < 300; i++) files.emplace_back(::open("/", O_PATH | O_CLOEXEC));
  files[299].reset(::open((pair.dir.at("shared")).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  std::thread sending([&] { CHECK(from.send("take", files).ok()); });
  PeerSocket::Message message;
  CHECK(to.receive(&message).ok());
  sending.join();
  REQUIRE_EQ(message.files.size(), 300u);
  CHECK_EQ(message.text, "take");
  CHECK_EQ(::write(files[299].get(), "ab", 2), 2);
  CHECK_EQ(::lseek(message.files[299].get(), 0, SEEK_CUR), 2);
  CHECK_EQ(::fcntl(message.files[299].get(), F_GETFD), FD_CLOEXEC);
}

TEST_CASE("whoever has gone is told of by ECONNRESET") {
  Pair pair;
  pair.one.reset();
  PeerSocket::Message message;
  CHECK_EQ(PeerSocket(std::move(pair.other)).receive(&message).error, ECONNRESET);
}

TEST_CASE("close() ends a call that waits") {
  Pair pair;
  const PeerSocket to(std::move(pair.other));
  std::thread closing([&] { to.close(); });
  PeerSocket::Message message;
  CHECK_EQ(to.receive(&message).error, ECONNRESET);
  closing.join();
}

TEST_CASE(
    "the socket is for the owner alone, in a folder with a path of any length, and replaces an old one") {
  const TempDir dir;
  const std::string deep = dir.at(std::string(200, 'd'));
  REQUIRE_EQ(::mkdir(deep.c_str(), 0700), 0);
  Fd first, second, connected;
  CHECK_EQ(PeerSocket::connect(deep, "peers", &connected).error, ENOENT);
  REQUIRE(PeerSocket::listen(deep, "peers", &first).ok());
  REQUIRE(PeerSocket::listen(deep, "peers", &second).ok());
  struct stat found;
  REQUIRE_EQ(::stat((deep + "/peers").c_str(), &found), 0);
  CHECK_EQ(found.st_mode & 0777, 0600u);
  CHECK(PeerSocket::connect(deep, "peers", &connected).ok());
  second.reset();
  CHECK_EQ(PeerSocket::connect(deep, "peers", &connected).error, ECONNREFUSED);
}

TEST_CASE("a peer's user is known") {
  Pair pair;
  const PeerSocket::Peer peer = PeerSocket(std::move(pair.other)).peer();
  CHECK_EQ(peer.pid, ::getpid());
  CHECK(peer.is_same_user);
}

}  // namespace
}  // namespace sealgate
