// A ticket names its exchange until it ends, and never another one.
#include "server/tickets.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

// Nobody looks into an exchange here.
Exchange& exchange_at(char* place) { return *reinterpret_cast<Exchange*>(place); }

TEST_CASE("a ticket that has ended names nothing, and its number is not given out again") {
  Tickets tickets;
  char places[2];
  Exchange &first = exchange_at(&places[0]), &second = exchange_at(&places[1]);
  uint64_t late = 0;
  {
    const Ticket ticket = tickets.issue(first);
    late = ticket.what();
    CHECK(tickets.find(late) == &first);
  }
  CHECK(tickets.find(late) == nullptr);
  const Ticket ticket = tickets.issue(second);
  CHECK(ticket.what() != late);
  CHECK(tickets.find(late) == nullptr);
  CHECK(tickets.find(ticket.what()) == &second);
}

}  // namespace
}  // namespace sealgate
