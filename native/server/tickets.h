// Tickets: the names by which other threads speak of an exchange to its reactor: the application when it
// answers, the I/O pool when it is done. A ticket is a number that is never given out again, so one that
// comes back too late names nothing, whatever stands by then where its exchange stood.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/lease.h"

namespace sealgate {

class Exchange;

class Tickets {
 public:
  void forget(uint64_t ticket) { exchanges_.erase(ticket); }
  // The exchange is found under it until the ticket ends.
  using Ticket = Lease<Tickets, uint64_t, &Tickets::forget>;

  Ticket issue(Exchange& exchange) {
    exchanges_.emplace(++last_, &exchange);
    return {*this, last_};
  }
  // Null: nobody waits for what was done under it.
  Exchange* find(uint64_t ticket) const {
    const auto found = exchanges_.find(ticket);
    return found == exchanges_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<uint64_t, Exchange*> exchanges_;
  uint64_t last_ = 0;
};

using Ticket = Tickets::Ticket;

}  // namespace sealgate
