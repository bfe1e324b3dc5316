// GrowingWaits: the exchanges of one reactor that have sent all that there is of a growing file, and wait for
// more. A file has one wake-up under way for each reactor, whatever number of exchanges wait for it there.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/lease.h"
#include "store/growing_file.h"

namespace sealgate {

class Reactor;

class GrowingWaits {
 public:
  // An exchange, by its ticket, that waits for a file.
  struct Wait {
    const GrowingFile* file = nullptr;
    uint64_t ticket = 0;
  };
  void leave(const Wait& wait);
  using Place = Lease<GrowingWaits, Wait, &GrowingWaits::leave>;

  explicit GrowingWaits(Reactor& reactor) : reactor_(reactor) {}
  GrowingWaits(const GrowingWaits&) = delete;
  GrowingWaits& operator=(const GrowingWaits&) = delete;

  // Calls the exchange's on_grown() once the file has more than `seen` bytes or has ended, unless the place
  // is given up before. Empty: that is so already.
  Place wait(const std::shared_ptr<GrowingFile>& file, uint64_t seen, uint64_t ticket);

 private:
  struct Waiting {
    std::shared_ptr<GrowingFile> file;
    std::unordered_set<uint64_t> tickets;
  };

  void wake(const GrowingFile* file);

  Reactor& reactor_;
  // A file is here while its wake-up is under way, also when all who waited have left.
  std::unordered_map<const GrowingFile*, Waiting> files_;
};

}  // namespace sealgate
