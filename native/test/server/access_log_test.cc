// The access log's line: JSON whatever a client sends, and nothing where there is nothing to say.
#include "server/access_log.h"

#include <doctest/doctest.h>
#include "test/temp_dir.h"

namespace sealgate {
namespace {

AccessRecord plain_record() {
  AccessRecord record;
  record.started = 1'700'000'000'123'456;
  record.first_byte = 1'500;
  record.duration = 20'250;
  record.peer = "127.0.0.1";
  record.method = "GET";
  record.target = "/o/files/a";
  record.status = 200;
  record.sent = 1234;
  record.delivery = "plain-send";
  return record;
}

TEST_CASE("a line in plaintext has none of the TLS fields") {
  CHECK_EQ(access_line(plain_record()),
           std::string("{\"time\":\"2023-11-14T22:13:20.123Z\",\"peer\":\"127.0.0.1\",\"method\":\"GET\","
                       "\"target\":\"/o/files/a\",\"status\":200,\"received\":0,\"sent\":1234,"
                       "\"first_byte_ms\":1.500,\"duration_ms\":20.250,\"delivery\":\"plain-send\"}"));
}

TEST_CASE("bytes of a client cannot end a string or a line") {
  AccessRecord record = plain_record();
  record.target = "/\"\\\n\x7f\xff{";
  record.user_agent = std::string_view("\0\x1b", 2);
  const std::string line = access_line(record);
  CHECK(line.find("\"target\":\"/\\\"\\\\\\u000a\\u007f\\u00ff{\"") != line.npos);
  CHECK(line.find("\"user_agent\":\"\\u0000\\u001b\"") != line.npos);
  CHECK(line.find('\n') == line.npos);
}

TEST_CASE("fields that were asked for are escaped, and cut when they are long") {
  AccessRecord record = plain_record();
  record.http_version = "1.0";
  record.site = "a/";
  record.host = "a\"b";
  record.range = "bytes=0-\xc3\x28";
  record.referer = "\xff\xfe";
  const std::string agent(5000, 'x');
  record.user_agent = agent;
  const std::string line = access_line(record);
  CHECK(line.find("\"http_version\":\"1.0\",\"site\":\"a/\",\"host\":\"a\\\"b\"") != line.npos);
  CHECK(line.find("\"range\":\"bytes=0-\\u00c3(\",\"referer\":\"\\u00ff\\u00fe\"") != line.npos);
  CHECK(line.ends_with(",\"user_agent\":\"" + std::string(1024, 'x') + "\"}"));
}

TEST_CASE("a response that was cut says so") {
  AccessRecord record = plain_record();
  record.cut = record.resumed = true;
  const std::string line = access_line(record);
  CHECK(line.find("\"resumed\":true,\"cut\":true") != line.npos);
}

TEST_CASE("lines are collected for a tenth of a second, then go to the sink") {
  const TempDir dir;
  const std::string path = dir.at("access.log");
  LogSink sink;
  Counters counters;
  AccessLines lines(sink, counters);
  CHECK(!lines.wanted());
  REQUIRE(sink.open(path).ok());
  CHECK(lines.wanted());
  CHECK_EQ(lines.due(), INT64_MAX);
  lines.add(plain_record(), 5);
  CHECK_EQ(lines.due(), 105);
  lines.flush();
  CHECK_EQ(lines.due(), INT64_MAX);
  CHECK(sink.flush(5000));
  CHECK_EQ(read_file(path), access_line(plain_record()) + "\n");
  CHECK_EQ(counters.access_log_dropped.get(), 0u);
}

TEST_CASE("lines that find no room are counted, each of them") {
  LogSink sink(100);
  Counters counters;
  AccessLines lines(sink, counters);
  for (int i = 0; i < 3; i++) lines.add(plain_record(), 0);
  lines.flush();
  CHECK_EQ(counters.access_log_dropped.get(), 3u);
}

}  // namespace
}  // namespace sealgate
