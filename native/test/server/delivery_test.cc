// Delivery: the time of a response's first bytes is taken at the same event whichever way they leave.
#include "server/delivery.h"

#include <unistd.h>

#include <utility>

#include <doctest/doctest.h>
#include "base/clock.h"
#include "store/staging_file.h"
#include "test/channel_server.h"
#include "test/page_cache.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr size_t kFirstBatch = 64 * 1024;
constexpr size_t kFileBytes = 1024 * 1024;
constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\n\r\n";

// A response of a head and all of a file.
struct FileResponse {
  FileResponse() {
    write_file(path, std::string(kFileBytes, 'x'), 0444);
    HashedBlob hashed;
    if (!hash_sealable(path, SealLevel::l1, &hashed).ok()) std::abort();
    plan->file = SealedFile::seal(path, {hashed.digest, hashed.size, hashed.seal.evidence}, false).file;
    delivery.response().plan = plan;
    delivery.response().body = {{BodySource::Kind::sealed_file, 0, kFileBytes}};
  }

  TempDir dir;
  std::string path = dir.at("blob");
  std::shared_ptr<OpenedPlan> plan = std::make_shared<OpenedPlan>();
  SentTraffic traffic;
  Delivery delivery;
};

// The two ways of a large file. The kernel's records leave by sendfile(2) as bytes without TLS do.
struct Connection {
  explicit Connection(Path path) {
    if (path == Path::tls_file) {
      ends = tls.accept(TLS1_3_VERSION);
    } else {
      auto [server, client] = connection();
      ends.client = std::move(client);
      ends.channel =
          std::make_unique<Channel>(std::move(server), nullptr, uint64_t{1} << 24, tls.buffers, tls.counters);
    }
    if (!ends.channel) std::abort();
  }
  Channel& channel() const { return *ends.channel; }

  ChannelServer tls;
  ChannelServer::Ends ends;
};

// Makes a file end early, so that a response gets that far, whatever disk and socket do. Just these bytes are
// in memory then: truncate(2) may leave pages behind the end there.
void cut(const std::string& path, size_t bytes) {
  if (::truncate(path.c_str(), static_cast<off_t>(bytes)) != 0) std::abort();
  cool(path);
  REQUIRE_EQ(read_file(path).size(), bytes);
}

TEST_CASE("the first byte's time is taken when 64 KiB have left, and no later bytes are waited for") {
  for (const Path path : {Path::plain_sendfile, Path::tls_file}) {
    INFO(std::string(path_name(path)));
    FileResponse sent;
    Connection to(path);
    sent.delivery.start(to.channel(), sent.traffic, kHead);
    REQUIRE(sent.delivery.path() == path);
    cut(sent.path, kFirstBatch - kHead.size());
    const int64_t before = monotonic_us();
    CHECK(sent.delivery.pump(to.channel(), to.tls.buffers) != Delivery::Progress::done);
    CHECK_EQ(sent.delivery.bytes_sent(), kFirstBatch);
    CHECK(sent.delivery.first_batch_at() >= before);
    CHECK(sent.delivery.first_batch_at() <= monotonic_us());
  }
}

TEST_CASE("the first byte's time is not taken when less than 64 KiB have left") {
  for (const Path path : {Path::plain_sendfile, Path::tls_file}) {
    INFO(std::string(path_name(path)));
    FileResponse sent;
    Connection to(path);
    sent.delivery.start(to.channel(), sent.traffic, kHead);
    cut(sent.path, kFirstBatch / 2);
    CHECK(sent.delivery.pump(to.channel(), to.tls.buffers) != Delivery::Progress::done);
    CHECK(sent.delivery.bytes_sent() < kFirstBatch);
    CHECK_EQ(sent.delivery.first_batch_at(), 0);
  }
}

}  // namespace
}  // namespace sealgate
