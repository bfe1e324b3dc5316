#include "server/connection_counts.h"

namespace sealgate {

ConnectionCounts::Place ConnectionCounts::take(size_t client, size_t most) {
  Part& part = part_of(client);
  const std::lock_guard lock(part.mutex);
  size_t& held = part.held[client];
  if (held >= most) return {};
  held++;
  return {*this, client};
}

void ConnectionCounts::leave(const size_t& client) {
  Part& part = part_of(client);
  const std::lock_guard lock(part.mutex);
  const auto found = part.held.find(client);
  if (found != part.held.end() && --found->second == 0) part.held.erase(found);
}

}  // namespace sealgate
