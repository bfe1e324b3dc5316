// ResponseTimes and GroupCounters: what is counted for a group, path and size comes out under each of them.
#include "response_times.h"

#include <map>
#include <string>

#include "check.h"
#include "group_totals.h"

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

TEST("sizes fall into classes that begin with the size they name") {
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

TEST("times come out by path and size, and by group") {
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

TEST("what movable connections did is counted for them and for the whole group") {
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
