// A body reaches its staging file whole, a buffer at a time; one that fails or is aborted leaves nothing.
#include "server/ingest.h"

#include <algorithm>
#include <semaphore>

#include <doctest/doctest.h>
#include "base/mailbox.h"
#include "test/readable.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

// Receives a body as a reactor does: gives what fits, waits to be woken, goes on.
struct Upload {
  explicit Upload(const std::string& path, std::optional<uint64_t> length = std::nullopt) {
    ingest = Ingest::start(pool, path, length, [this] { mailbox.post([] {}); });
  }
  bool woken() {
    if (!readable(mailbox.fd(), kPatience)) return false;
    mailbox.run();
    return ingest->settle();
  }
  void send(std::string_view bytes) {
    while (ingest->failure().ok()) {
      bytes.remove_prefix(ingest->append(bytes));
      if (bytes.empty() || !woken()) return;
    }
  }
  void finish() {
    ingest->finish();
    while (!ingest->stored() && ingest->failure().ok() && woken()) continue;
  }

  Mailbox mailbox;
  IoPool pool{2};
  std::shared_ptr<Ingest> ingest;
};

std::string body_of(size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; i++) body[i] = static_cast<char>(i * 31 + i / 251);
  return body;
}

TEST_CASE("a body of any size is stored as it came, whether its length is known or not") {
  for (const size_t size :
       {0ul, 1ul, Ingest::kBufferBytes, Ingest::kBufferBytes + 1, 5 * Ingest::kBufferBytes}) {
    for (const auto length : {std::optional<uint64_t>(), std::optional<uint64_t>(size)}) {
      INFO((std::to_string(size) + (length ? " bytes" : " bytes, unannounced")));
      TempDir dir;
      const std::string body = body_of(size);
      Upload upload(dir.at("staging"), length);
      for (size_t from = 0; from < size; from += 100'003) {
        upload.send(std::string_view(body).substr(from, 100'003));
      }
      upload.finish();
      CHECK(upload.ingest->stored());
      CHECK_EQ(upload.ingest->received(), size);
      CHECK_EQ(upload.ingest->staging().size(), size);
      CHECK(read_file(dir.at("staging")) == body);
    }
  }
}

TEST_CASE("bytes that were received into the buffer are stored like those that are copied into it") {
  TempDir dir;
  const std::string body = body_of(2 * Ingest::kBufferBytes + 5);
  Upload upload(dir.at("staging"), body.size());
  for (std::string_view left = body; !left.empty();) {
    const std::span<char> room = upload.ingest->room();
    if (room.empty()) {
      CHECK(upload.woken());
      continue;
    }
    const std::string_view piece = left.substr(0, std::min<size_t>(room.size(), 100'003));
    std::copy_n(piece.data(), piece.size(), room.data());
    CHECK_EQ(upload.ingest->append({room.data(), piece.size()}), piece.size());
    left.remove_prefix(piece.size());
  }
  upload.finish();
  CHECK(read_file(dir.at("staging")) == body);
}

TEST_CASE("no more than a buffer is taken before the disk has answered") {
  TempDir dir;
  Mailbox ignored;
  std::counting_semaphore<> gate(0);
  IoPool pool(1);
  pool.submit([&] { gate.acquire(); });
  const auto ingest = Ingest::start(pool, dir.at("staging"), {}, [&] { ignored.post([] {}); });
  CHECK_EQ(ingest->append(std::string(3 * Ingest::kBufferBytes, 'x')), Ingest::kBufferBytes);
  CHECK_EQ(ingest->append("x"), 0);
  CHECK(ingest->room().empty());
  gate.release();
  CHECK(readable(ignored.fd(), kPatience));
  CHECK(ingest->settle());
  CHECK_EQ(ingest->room().size(), Ingest::kBufferBytes);
  CHECK_EQ(ingest->append("x"), 1);
}

TEST_CASE("a body that cannot be stored fails with the reason, and takes no more") {
  TempDir dir;
  Upload upload(dir.at("missing/staging"));
  upload.send("ab");
  upload.finish();
  CHECK(!upload.ingest->stored());
  CHECK_EQ(upload.ingest->failure().error, ENOENT);
  CHECK_EQ(upload.ingest->append("c"), 0);
}

TEST_CASE("an aborted body leaves no file, at whatever point it was") {
  for (const size_t size : {size_t{1}, Ingest::kBufferBytes + 1}) {
    TempDir dir;
    {
      Upload upload(dir.at("staging"));
      upload.send(std::string(size, 'x'));
      Ingest::abort(std::move(upload.ingest));
    }
    CHECK(!exists(dir.at("staging")));
  }
}

TEST_CASE("the file of an aborted body goes on an I/O thread, whatever was under way") {
  TempDir dir;
  IoPool pool(1);
  Mailbox mailbox;
  const auto ingest_of = [&](const std::string& path) {
    auto ingest = Ingest::start(pool, path, {}, [&] { mailbox.post([] {}); });
    ingest->append(std::string(Ingest::kBufferBytes, 'x'));
    CHECK(readable(mailbox.fd(), kPatience));
    mailbox.run();
    return ingest;
  };
  auto idle = ingest_of(dir.at("idle")), over = ingest_of(dir.at("over"));
  CHECK(idle->settle());  // and nobody has asked the other

  std::counting_semaphore<> gate(0), passed(0);
  pool.submit([&] { gate.acquire(); });
  Ingest::abort(std::move(idle));
  Ingest::abort(std::move(over));
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
    Upload upload(dir.at("staging"));
    upload.send("ab");
    upload.ingest->finish();
    CHECK(readable(upload.mailbox.fd(), kPatience));  // the job is over, and nobody has asked
    CHECK_EQ(read_file(dir.at("staging")), "ab");
    Ingest::abort(std::move(upload.ingest));
  }
  CHECK(!exists(dir.at("staging")));
}

TEST_CASE("a stored body outlives the connection that received it") {
  TempDir dir;
  {
    Upload upload(dir.at("staging"));
    upload.send("ab");
    upload.finish();
  }
  CHECK_EQ(read_file(dir.at("staging")), "ab");
}

}  // namespace
}  // namespace sealgate
