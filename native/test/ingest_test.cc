// A body reaches its staging file whole, through two buffers; one that fails or is aborted leaves nothing.
#include "ingest.h"

#include <semaphore>

#include "check.h"
#include "mailbox.h"
#include "readable.h"
#include "temp_dir.h"

namespace sealgate {
namespace {

// Receives a body as a reactor does: gives what fits, waits to be woken, goes on.
struct Upload {
  explicit Upload(const std::string& path) {
    ingest = Ingest::start(pool, path, [this] { mailbox.post([] {}); });
  }
  bool woken() {
    if (!readable(mailbox.fd(), kPatience)) return false;
    mailbox.open();
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

TEST("a body of any size is stored as it came") {
  for (const size_t size :
       {0ul, 1ul, Ingest::kBufferBytes, Ingest::kBufferBytes + 1, 5 * Ingest::kBufferBytes}) {
    const check::Context context(std::to_string(size) + " bytes");
    TempDir dir;
    std::string body(size, '\0');
    for (size_t i = 0; i < size; i++) body[i] = static_cast<char>(i * 31 + i / 251);
    Upload upload(dir.at("staging"));
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

TEST("no more than two buffers are taken before the disk has answered") {
  TempDir dir;
  Mailbox ignored;
  std::counting_semaphore<> gate(0);
  IoPool pool(1);
  pool.submit([&] { gate.acquire(); });
  const auto ingest = Ingest::start(pool, dir.at("staging"), [&] { ignored.post([] {}); });
  CHECK_EQ(ingest->append(std::string(3 * Ingest::kBufferBytes, 'x')), 2 * Ingest::kBufferBytes);
  CHECK_EQ(ingest->append("x"), 0);
  gate.release();
  CHECK(readable(ignored.fd(), kPatience));
  CHECK(ingest->settle());
  CHECK_EQ(ingest->append("x"), 1);
}

TEST("a body that cannot be stored fails with the reason, and takes no more") {
  TempDir dir;
  Upload upload(dir.at("missing/staging"));
  upload.send("ab");
  upload.finish();
  CHECK(!upload.ingest->stored());
  CHECK_EQ(upload.ingest->failure().error, ENOENT);
  CHECK_EQ(upload.ingest->append("c"), 0);
}

TEST("an aborted body leaves no file, at whatever point it was") {
  for (const size_t size : {size_t{1}, Ingest::kBufferBytes + 1}) {
    TempDir dir;
    {
      Upload upload(dir.at("staging"));
      upload.send(std::string(size, 'x'));
      upload.ingest->abort();
      upload.ingest.reset();
    }
    CHECK(!exists(dir.at("staging")));
  }
}

TEST("a body that was stored when it was aborted leaves no file either") {
  TempDir dir;
  {
    Upload upload(dir.at("staging"));
    upload.send("ab");
    upload.ingest->finish();
    CHECK(readable(upload.mailbox.fd(), kPatience));  // the job is over, and nobody has asked
    CHECK_EQ(read_file(dir.at("staging")), "ab");
    upload.ingest->abort();
    upload.ingest.reset();
  }
  CHECK(!exists(dir.at("staging")));
}

TEST("a stored body outlives the connection that received it") {
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
