// Deadlines of one length expire in the order they were armed, whatever was moved or disarmed between.
#include "base/deadlines.h"

#include <vector>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

// The list's content, first to expire first; empties it.
std::vector<const Deadline*> drained(DeadlineList& list) {
  std::vector<const Deadline*> order;
  while (Deadline* first = list.first()) {
    order.push_back(first);
    first->disarm();
  }
  return order;
}

TEST_CASE("an empty list has no first, and nothing that was not armed is armed") {
  DeadlineList list;
  Deadline deadline;
  CHECK(list.first() == nullptr);
  CHECK(!deadline.armed());
  deadline.disarm();
  CHECK(!deadline.armed());
}

TEST_CASE("the deadline that was armed first expires first, after the list's length") {
  DeadlineList list;
  list.set_length(500);
  Deadline a, b, c;
  list.arm(a, 1000);
  list.arm(b, 1000);
  list.arm(c, 1200);
  CHECK_EQ(a.at, 1500);
  CHECK_EQ(c.at, 1700);
  CHECK((drained(list) == std::vector<const Deadline*>{&a, &b, &c}));
  CHECK(!a.armed());
  CHECK(!b.armed());
  CHECK(!c.armed());
}

TEST_CASE("arming again moves to the end and leaves one entry") {
  DeadlineList list;
  list.set_length(10);
  Deadline a, b;
  list.arm(a, 0);
  list.arm(b, 5);
  list.arm(a, 7);
  CHECK_EQ(a.at, 17);
  CHECK((drained(list) == std::vector<const Deadline*>{&b, &a}));
}

TEST_CASE("disarming takes out the first, the last and one between") {
  DeadlineList list;
  Deadline d[5];
  for (Deadline& each : d) list.arm(each, 0);
  for (const int gone : {0, 2, 4}) d[gone].disarm();
  CHECK((drained(list) == std::vector<const Deadline*>{&d[1], &d[3]}));
}

TEST_CASE("another length: those that are armed are due as if it had been theirs, in their order") {
  DeadlineList list;
  list.set_length(500);
  Deadline a, b, c;
  list.arm(a, 1000);
  list.arm(b, 1200);
  list.set_length(100);
  CHECK_EQ(a.at, 1100);
  CHECK_EQ(b.at, 1300);
  list.arm(c, 1250);
  CHECK_EQ(c.at, 1350);
  list.set_length(700);
  CHECK_EQ(a.at, 1700);
  CHECK_EQ(c.at, 1950);
  CHECK((drained(list) == std::vector<const Deadline*>{&a, &b, &c}));
}

TEST_CASE("arming in another list leaves the first one") {
  DeadlineList header, body;
  header.set_length(10);
  body.set_length(1000);
  Deadline a, b;
  header.arm(a, 0);
  header.arm(b, 0);
  body.arm(a, 1);
  CHECK_EQ(a.at, 1001);
  CHECK((drained(header) == std::vector<const Deadline*>{&b}));
  CHECK((drained(body) == std::vector<const Deadline*>{&a}));
}

}  // namespace
}  // namespace sealgate
