// ConnectionCounts: how many connections each client has at a time, for all workers together, where a limit
// of them counts. It knows the clients of open connections alone, so connections bound its memory.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "base/lease.h"

namespace sealgate {

class ConnectionCounts {
 public:
  void leave(const size_t& client);
  // One connection of a client.
  using Place = Lease<ConnectionCounts, size_t, &ConnectionCounts::leave>;

  // Empty: the client, which is a hash (shares.h), has as many already.
  Place take(size_t client, size_t most);

 private:
  struct Part {
    std::mutex mutex;
    std::unordered_map<size_t, size_t> held;
  };

  Part& part_of(size_t client) { return parts_[client % parts_.size()]; }

  std::array<Part, 64> parts_;
};

}  // namespace sealgate
