// ResponseTimes and GroupCounters: what is counted for a group, path and size comes out under each of them.
#include "server/response_times.h"

#include <map>
#include <string>

#include <doctest/doctest.h>
#include "server/group_totals.h"
#include "server/http_responses.h"

namespace sealgate {
namespace {

using Values = std::map<std::string, uint64_t>;

template <typename Counted>
Values values_of(const Counted& counted) {
  Values out;
  auto visit = [&](const std::string& name, uint64_t value) { out[name] = value; };
  counted.each(visit);
  return out;
}

TEST_CASE("sizes fall into classes that begin with the size they name") {
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(0)] == "0-4KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(4095)] == "0-4KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(4096)] == "4KiB-16KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(65535)] == "16KiB-64KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(65536)] == "64KiB-256KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(262143)] == "64KiB-256KiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(262144)] == "256KiB-1MiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(16777215)] == "4MiB-16MiB");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(16777216)] == "16MiB-");
  CHECK(ResponseTimes::kSizes[ResponseTimes::class_of(~uint64_t{0})] == "16MiB-");
}

TEST_CASE("sizes of responses come out by path, up to the last byte of their class") {
  ResponseTimes times;
  times.cell(Group::canary, true, Path::tls_file, 100'000).completion.observe(1000);
  times.cell(Group::control, false, Path::tls_file, 262'143).completion.observe(70);
  times.cell(Group::control, false, Path::tls_file, uint64_t{1} << 40).completion.observe(1000);
  const Values values = values_of(times);
  CHECK_EQ(values.at("response_size.tls-file/262143"), 2u);
  CHECK_EQ(values.at("response_size.tls-file/18446744073709551615"), 1u);
}

TEST_CASE("sizes of uploads fall into buckets that end with the size they name") {
  UploadSizes sizes;
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{4096}, uint64_t{4097}, uint64_t{16384}, uint64_t{16385},
                               uint64_t{1} << 34, (uint64_t{1} << 34) + 1}) {
    sizes.observe(bytes);
  }
  const Values values = values_of(sizes);
  CHECK_EQ(values.at("upload_size.4096"), 2u);
  CHECK_EQ(values.at("upload_size.16384"), 2u);
  CHECK_EQ(values.at("upload_size.65536"), 1u);
  CHECK_EQ(values.at("upload_size.17179869184"), 1u);
  CHECK_EQ(values.at("upload_size.18446744073709551615"), 1u);
}

TEST_CASE("responses are counted by class of status, method and path") {
  HttpResponses responses;
  responses.add(static_cast<size_t>(Method::del), 204, Path::ktls_send);
  responses.add(static_cast<size_t>(Method::other), 599, Path::plain_sendfile);
  responses.add(HttpResponses::kUnread, 400, Path::tls_send);
  const Values wanted = {{"http_responses.2xx/DELETE/ktls-send", 1},
                         {"http_responses.5xx/other/plain-sendfile", 1},
                         {"http_responses.4xx/none/tls-send", 1}};
  CHECK(values_of(responses) == wanted);
}

TEST_CASE("times come out by path and size, and by group") {
  ResponseTimes times;
  times.cell(Group::canary, true, Path::ktls_sendfile, 100'000).completion.observe(1000);
  times.cell(Group::canary, false, Path::tls_send, 100).completion.observe(1000);
  times.cell(Group::control, true, Path::tls_file, 100'000).completion.observe(1000);
  times.cell(Group::canary, true, Path::tls_file, 100'000).completion.observe(1000);
  times.cell(Group::outside, false, Path::plain_send, 100).completion.observe(1000);
  const Values found = values_of(times);
  CHECK_EQ(found.at("completion.ktls-sendfile/64KiB-256KiB/1023"), uint64_t{1});
  CHECK_EQ(found.at("completion.tls-file/64KiB-256KiB/1023"), uint64_t{2});  // of both groups
  CHECK_EQ(found.at("completion_sum.tls-file/64KiB-256KiB"), uint64_t{2000});
  CHECK_EQ(found.at("completion.plain-send/0-4KiB/1023"), uint64_t{1});
  CHECK_EQ(found.at("group_completion.canary/1023"), uint64_t{3});
  CHECK_EQ(found.at("movable_completion.canary/1023"), uint64_t{2});
  CHECK_EQ(found.at("movable_completion.control/1023"), uint64_t{1});
  CHECK(!found.contains("group_completion.outside/1023"));  // groups are of TLS
  CHECK(!found.contains("completion.ktls-send/0-4KiB/1023"));
}

TEST_CASE("responses on movable connections are counted for those and for the whole group") {
  GroupCounters group;
  group.of(false).connections.add(5);
  group.of(true).connections.add(2);
  group.of(false).bytes.add(10);
  group.of(true).bytes.add(100);
  group.of(true).errors[ChannelError::reset].add();
  group.of(false).errors[ChannelError::bad_record_mac].add();
  Values found;
  auto visit = [&](const std::string& name, uint64_t value) { found[name] = value; };
  group.each("canary", visit);
  CHECK_EQ(found.at("group_connections.canary"), uint64_t{5});
  CHECK_EQ(found.at("movable_connections.canary"), uint64_t{2});
  CHECK_EQ(found.at("group_bytes.canary"), uint64_t{110});
  CHECK_EQ(found.at("movable_bytes.canary"), uint64_t{100});
  CHECK_EQ(found.at("movable_errors.canary/client/reset"), uint64_t{1});
  CHECK_EQ(found.at("group_errors.canary/server/bad-record-mac"), uint64_t{1});
  CHECK_EQ(found.at("movable_errors.canary/server/bad-record-mac"), uint64_t{0});
}

}  // namespace
}  // namespace sealgate
