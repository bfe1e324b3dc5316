// A body reaches its staging file whole, a buffer at a time; one that fails or is aborted leaves nothing.
#include "server/staging_writer.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <semaphore>

#include <doctest/doctest.h>
#include "base/mailbox.h"
#include "store/staging_file.h"
#include "test/readable.h"
#include "test/received_body.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

std::string body_of(size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; i++) body[i] = static_cast<char>(i * 31 + i / 251);
  return body;
}

TEST_CASE("a body of any size is stored as it came, whether its length is known or not") {
  for (const size_t size : {0ul, 1ul, StagingWriter::kBufferBytes, StagingWriter::kBufferBytes + 1,
                            5 * StagingWriter::kBufferBytes}) {
    for (const auto length : {std::optional<uint64_t>(), std::optional<uint64_t>(size)}) {
      INFO((std::to_string(size) + (length ? " bytes" : " bytes, unannounced")));
      TempDir dir;
      const std::string body = body_of(size);
      ReceivedBody received(dir.at("staging"), length);
      for (size_t from = 0; from < size; from += 100'003) {
        received.send(std::string_view(body).substr(from, 100'003));
      }
      received.finish();
      CHECK(received.writer->stored());
      CHECK_EQ(received.writer->staging().size(), size);
      CHECK(read_file(dir.at("staging")) == body);
    }
  }
}

TEST_CASE("bytes that were received into the buffer are stored like those that are copied into it") {
  TempDir dir;
  const std::string body = body_of(2 * StagingWriter::kBufferBytes + 5);
  ReceivedBody received(dir.at("staging"), body.size());
  for (std::string_view left = body; !left.empty();) {
    const std::span<char> room = received.writer->room();
    if (room.empty()) {
      CHECK(received.woken());
      continue;
    }
    const std::string_view piece = left.substr(0, std::min<size_t>(room.size(), 100'003));
    std::copy_n(piece.data(), piece.size(), room.data());
    CHECK_EQ(received.writer->append({room.data(), piece.size()}), piece.size());
    left.remove_prefix(piece.size());
  }
  received.finish();
  CHECK(read_file(dir.at("staging")) == body);
}

TEST_CASE("no more than a buffer is taken before the disk has answered") {
  TempDir dir;
  Mailbox ignored;
  std::counting_semaphore<> gate(0);
  IoPool pool(1);
  pool.submit([&] { gate.acquire(); });
  const auto writer =
      StagingWriter::start(pool, StagingTarget{dir.at("staging")}, {}, [&] { ignored.post([] {}); });
  CHECK_EQ(writer->append(std::string(3 * StagingWriter::kBufferBytes, 'x')), StagingWriter::kBufferBytes);
  CHECK_EQ(writer->append("x"), 0);
  CHECK(writer->room().empty());
  gate.release();
  CHECK(readable(ignored.fd(), kPatience));
  CHECK(writer->settle());
  CHECK_EQ(writer->room().size(), StagingWriter::kBufferBytes);
  CHECK_EQ(writer->append("x"), 1);
}

// As digests are written: of what the files of a test hold.
std::string sha256(const std::string& path) {
  HashedBlob hashed;
  return hash_sealable(path, SealLevel::l1, &hashed).ok() ? hashed.digest : "";
}

struct Appending {
  explicit Appending(const std::string& path, std::optional<uint64_t> left = {})
      : file(std::make_shared<PartialFile>(path, DigestNames{}, left)) {}
  // A request with so much more of it.
  ReceivedBody request(bool last = false) {
    return ReceivedBody(AppendTarget{PartialFile::claim(file), last, true});
  }
  // It ends before its body has; its file is free when this returns.
  void abort(ReceivedBody& received) {
    std::binary_semaphore over(0);
    StagingWriter::abort(std::move(received.writer), [&] { over.release(); });
    over.acquire();
  }
  void add(std::string_view bytes, bool last = false) {
    ReceivedBody received = request(last);
    received.send(bytes);
    received.finish();
    CHECK(received.writer->stored());
    received.writer->let_go();
    digest = received.writer->staging().digest();
  }

  std::shared_ptr<PartialFile> file;
  std::string digest;
};

TEST_CASE("bodies that are appended make one file with its digest, though one of them was aborted") {
  for (const size_t arrived :
       {size_t{0}, size_t{1}, StagingWriter::kBufferBytes, StagingWriter::kBufferBytes + 7}) {
    INFO((std::to_string(arrived) + " bytes arrived of what was aborted"));
    TempDir dir;
    const std::string body = body_of(3 * StagingWriter::kBufferBytes);
    const std::string_view all = body;
    Appending appending(dir.at("partial"));
    appending.add(all.substr(0, 1000));
    CHECK_EQ(appending.file->size(), 1000);
    ReceivedBody cut = appending.request();
    cut.send(all.substr(1000, arrived));
    CHECK(!PartialFile::claim(appending.file));
    appending.abort(cut);
    CHECK_EQ(appending.file->size(), 1000 + arrived);
    CHECK(!appending.file->busy());
    appending.add(all.substr(1000 + arrived), true);
    CHECK(read_file(dir.at("partial")) == body);
    CHECK_EQ(appending.digest, sha256(dir.at("partial")));
    CHECK(!PartialFile::claim(appending.file));  // it is finished
  }
}

TEST_CASE("an aborted request that was the first leaves a file to go on with") {
  TempDir dir;
  Appending appending(dir.at("partial"));
  ReceivedBody nothing = appending.request();
  appending.abort(nothing);
  CHECK_EQ(appending.file->size(), 0);
  ReceivedBody some = appending.request();
  some.send("ab");
  appending.abort(some);
  appending.add("c", true);
  CHECK_EQ(read_file(dir.at("partial")), "abc");
}

TEST_CASE("a file that was finished when its request was aborted can be appended to") {
  TempDir dir;
  Appending appending(dir.at("partial"));
  ReceivedBody last = appending.request(true);
  last.send("ab");
  last.finish();
  appending.abort(last);
  appending.add("c", true);
  CHECK_EQ(read_file(dir.at("partial")), "abc");
  CHECK_EQ(appending.digest, sha256(dir.at("partial")));
}

TEST_CASE("a file that an earlier process left is gone on with, and has the digest of all bytes") {
  TempDir dir;
  const std::string all = body_of(3 * StagingWriter::kBufferBytes);
  for (const size_t left : {size_t{0}, size_t{1}, 2 * StagingWriter::kBufferBytes + 7}) {
    write_file(dir.at("partial"), all.substr(0, left) + "what nobody was told of", 0600);
    Appending appending(dir.at("partial"), left);
    CHECK_EQ(appending.file->size(), left);
    appending.add(all.substr(left, 5));
    appending.add(all.substr(left + 5), true);
    CHECK(read_file(dir.at("partial")) == all);
    CHECK_EQ(appending.digest, sha256(dir.at("partial")));
    ::unlink(dir.at("partial").c_str());
  }
}

TEST_CASE("a file that is shorter than an earlier process left it is refused") {
  TempDir dir;
  write_file(dir.at("partial"), "ab", 0600);
  Appending appending(dir.at("partial"), 3);
  ReceivedBody received = appending.request();
  received.send("d");
  received.finish();
  CHECK_EQ(received.writer->failure().error, ESTALE);
  appending.abort(received);
}

TEST_CASE("bytes of a write that failed do not count") {
  TempDir dir;
  Appending appending(dir.at("partial"));
  appending.add("ab");
  write_file(dir.at("partial"), "ab, and what did not find room", 0600);
  appending.add("c", true);
  CHECK_EQ(read_file(dir.at("partial")), "abc");
}

TEST_CASE("a first write that fails leaves a file to go on with") {
  TempDir dir;
  Appending appending(dir.at("partial"));
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{10, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  ReceivedBody received = appending.request();
  received.send(std::string(100, 'x'));
  received.finish();
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK_EQ(received.writer->failure().error, EFBIG);
  appending.abort(received);
  CHECK_EQ(appending.file->size(), 0);
  appending.add("c", true);
  CHECK_EQ(read_file(dir.at("partial")), "c");
}

TEST_CASE("a partial file that is gone or was cut short is not appended to, and is free again") {
  TempDir dir;
  Appending appending(dir.at("partial"));
  appending.add("abc");
  for (const int error : {ESTALE, ENOENT}) {
    if (error == ESTALE) write_file(dir.at("partial"), "ab", 0600);
    if (error == ENOENT) ::unlink(dir.at("partial").c_str());
    ReceivedBody received = appending.request();
    received.send("d");
    received.finish();
    CHECK_EQ(received.writer->failure().error, error);
    appending.abort(received);
    CHECK_EQ(appending.file->size(), 3);
    CHECK(!appending.file->busy());
  }
}

TEST_CASE("a body that cannot be stored fails with the reason, and takes no more") {
  TempDir dir;
  ReceivedBody received(dir.at("missing/staging"));
  received.send("ab");
  received.finish();
  CHECK(!received.writer->stored());
  CHECK_EQ(received.writer->failure().error, ENOENT);
  CHECK_EQ(received.writer->append("c"), 0);
}

TEST_CASE("an aborted body leaves no file, at whatever point it was") {
  for (const size_t size : {size_t{1}, StagingWriter::kBufferBytes + 1}) {
    TempDir dir;
    {
      ReceivedBody received(dir.at("staging"));
      received.send(std::string(size, 'x'));
      StagingWriter::abort(std::move(received.writer));
    }
    CHECK(!exists(dir.at("staging")));
  }
}

TEST_CASE("the file of an aborted body goes on an I/O thread, whatever was under way") {
  TempDir dir;
  IoPool pool(1);
  Mailbox mailbox;
  const auto writer_of = [&](const std::string& path) {
    auto writer = StagingWriter::start(pool, StagingTarget{path}, {}, [&] { mailbox.post([] {}); });
    writer->append(std::string(StagingWriter::kBufferBytes, 'x'));
    CHECK(readable(mailbox.fd(), kPatience));
    mailbox.run();
    return writer;
  };
  auto idle = writer_of(dir.at("idle")), over = writer_of(dir.at("over"));
  CHECK(idle->settle());  // and nobody has asked the other

  std::counting_semaphore<> gate(0), passed(0);
  pool.submit([&] { gate.acquire(); });
  StagingWriter::abort(std::move(idle));
  StagingWriter::abort(std::move(over));
  CHECK(exists(dir.at("idle")));
  CHECK(exists(dir.at("over")));
  gate.release();
  pool.submit([&] { passed.release(); });
  passed.acquire();
  CHECK(!exists(dir.at("idle")));
  CHECK(!exists(dir.at("over")));
}

TEST_CASE("a body that was stored when it was aborted leaves no file either") {
  TempDir dir;
  {
    ReceivedBody received(dir.at("staging"));
    received.send("ab");
    received.writer->finish();
    CHECK(readable(received.mailbox.fd(), kPatience));  // the job is over, and nobody has asked
    CHECK_EQ(read_file(dir.at("staging")), "ab");
    StagingWriter::abort(std::move(received.writer));
  }
  CHECK(!exists(dir.at("staging")));
}

TEST_CASE("a stored body outlives the connection that received it") {
  TempDir dir;
  {
    ReceivedBody received(dir.at("staging"));
    received.send("ab");
    received.finish();
  }
  CHECK_EQ(read_file(dir.at("staging")), "ab");
}

}  // namespace
}  // namespace sealgate
