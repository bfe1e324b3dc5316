// SiteCounters keep a site's totals by its name, for as long as the reactor lives.
#include "server/site_totals.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

std::map<std::string, uint64_t> told(const SiteCounters& counters) {
  std::map<std::string, uint64_t> out;
  counters.each([&](const std::string& name, uint64_t value) { out[name] = value; });
  return out;
}

TEST_CASE("a name has the same totals each time it is asked for, and no name has none") {
  SiteCounters counters;
  SiteTotals* const first = counters.of("a.test/");
  first->add(206, 100, 7);
  counters.of("b.test/")->add(503, 10, 0);
  counters.of("a.test/")->add(200, 100, 0);
  counters.of("a.test/")->cut.add();
  CHECK_EQ(counters.of("a.test/"), first);
  CHECK_EQ(counters.of(""), nullptr);
  CHECK_EQ(told(counters), std::map<std::string, uint64_t>{{"site_responses.2xx/a.test/", 2},
                                                           {"site_sent.a.test/", 200},
                                                           {"site_received.a.test/", 7},
                                                           {"site_cut.a.test/", 1},
                                                           {"site_responses.5xx/b.test/", 1},
                                                           {"site_sent.b.test/", 10}});
}

TEST_CASE("names behind the limit share their totals") {
  SiteCounters counters;
  for (size_t i = 0; i < SiteCounters::kMostNames + 10; i++)
    counters.of("site" + std::to_string(i))->add(200, 1, 0);
  CHECK_EQ(told(counters).at("site_sent.site0"), 1);
  CHECK_EQ(told(counters).at("site_sent." + std::string(SiteCounters::kOthers)), 10);
}

}  // namespace
}  // namespace sealgate
