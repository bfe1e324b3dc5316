#include "server/growing_waits.h"

#include <utility>

#include "server/exchange.h"
#include "server/reactor.h"

namespace sealgate {

// Who comes while a wake-up is under way is woken by it, perhaps for what he has seen; he then waits again.
GrowingWaits::Place GrowingWaits::wait(const std::shared_ptr<GrowingFile>& file, uint64_t seen,
                                       uint64_t ticket) {
  const auto found = files_.find(file.get());
  if (found == files_.end()) {
    const bool waits = file->when_grown(seen, [this, mailbox = reactor_.mailbox(), key = file.get()] {
      mailbox->post([this, key] { wake(key); });
    });
    if (!waits) return {};
    files_[file.get()] = {file, {ticket}};
  } else {
    found->second.tickets.insert(ticket);
  }
  return {*this, {file.get(), ticket}};
}

void GrowingWaits::leave(const Wait& wait) {
  const auto found = files_.find(wait.file);
  if (found != files_.end()) found->second.tickets.erase(wait.ticket);
}

void GrowingWaits::wake(const GrowingFile* file) {
  const auto found = files_.find(file);
  const Waiting woken = std::move(found->second);
  files_.erase(found);
  for (const uint64_t ticket : woken.tickets) {
    if (Exchange* const exchange = reactor_.tickets().find(ticket)) exchange->on_grown();
  }
}

}  // namespace sealgate
