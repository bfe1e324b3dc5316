// Tickets: the numbers by which other threads name an exchange: the application when it answers, the I/O
// pool when it is done. A number is never reused, so an answer that comes too late finds nothing, even
// when its exchange serves another request by then.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/lease.h"

namespace sealgate {

class Exchange;

class Tickets {
 public:
  void forget(uint64_t ticket) { exchanges_.erase(ticket); }
  // The exchange can be found by its number until the ticket ends.
  using Ticket = Lease<Tickets, uint64_t, &Tickets::forget>;

  Ticket issue(Exchange& exchange) {
    exchanges_.emplace(++last_, &exchange);
    return {*this, last_};
  }
  // Null: the ticket has ended.
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
