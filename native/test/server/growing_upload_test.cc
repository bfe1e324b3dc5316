// A body that may be read while it arrives: its readers get what was passed on, and hear when it is given up.
#include <unistd.h>

#include <doctest/doctest.h>
#include "server/staging_writer.h"
#include "test/received_body.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

StagingTarget read_meanwhile(const std::string& path, const std::shared_ptr<GrowingFile>& growing) {
  return {path, {}, GrowingFile::claim(growing)};
}

std::string readable_part(const GrowingFile& file) {
  std::string bytes(file.length(), '\0');
  if (!bytes.empty() && ::pread(file.fd(), bytes.data(), bytes.size(), 0) < 0) return "unreadable";
  return bytes;
}

TEST_CASE("what was passed on can be read before the body is whole; the end is for the application to say") {
  TempDir dir;
  const auto growing = std::make_shared<GrowingFile>();
  ReceivedBody received(read_meanwhile(dir.at("staging"), growing), 6);
  CHECK_EQ(growing->expected(), 6);
  received.send("abc");
  CHECK_EQ(growing->length(), 0);
  received.writer->pass_on();
  CHECK(received.woken());
  CHECK_EQ(readable_part(*growing), "abc");
  received.send("def");
  received.finish();
  CHECK_EQ(readable_part(*growing), "abcdef");
  received.writer->let_go();
  CHECK(growing->state() == GrowingFile::State::growing);
}

TEST_CASE("without readers nothing is passed on before the buffer is full") {
  TempDir dir;
  ReceivedBody received(dir.at("staging"), 6);
  received.send("abc");
  received.writer->pass_on();
  CHECK_FALSE(received.writer->waits());
  received.send("def");
  received.finish();
  CHECK(received.writer->stored());
}

TEST_CASE("the readers of a body that is given up, or that the disk does not take, are told") {
  TempDir dir;
  for (const bool fails : {false, true}) {
    const auto growing = std::make_shared<GrowingFile>();
    {
      ReceivedBody received(read_meanwhile(dir.at(fails ? "absent/staging" : "staging"), growing));
      received.send("abc");
      received.writer->pass_on();
      CHECK(received.woken());
      CHECK_EQ(received.writer->failure().ok(), !fails);
      StagingWriter::abort(std::move(received.writer));
      CHECK(growing->state() == GrowingFile::State::failed);
    }
    CHECK_FALSE(exists(dir.at("staging")));
  }
}

}  // namespace
}  // namespace sealgate
