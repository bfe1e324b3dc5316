// BodyMemory: bounds the memory of the process that small request bodies take while the application
// decides about them (MemorySink), over all reactors. A body takes its part before its first byte is asked
// for, and keeps it until the application has both taken the bytes and answered. The parts are shared
// among clients as upload places are (upload_places.h): one client, or one token used from many addresses,
// does not get the last quarter.
#pragma once

#include <cstddef>
#include <mutex>

#include "base/lease.h"
#include "server/upload_places.h"

namespace sealgate {

class BodyMemory {
 public:
  static constexpr size_t kLargestBody = size_t{1} << 20;  // maxMemoryBodyBytes in src/limits.ts
  // Room for 64 of the largest bodies, or thousands of ordinary ones, which a small server can spare.
  static constexpr size_t kBytes = 64 * kLargestBody;

  explicit BodyMemory(size_t bytes = kBytes) : places_(bytes / kPlaceBytes) {}

  struct Part {
    UploadPlaces::Holder holder;
    size_t places = 0;
  };
  void give_back(const Part& part) {
    const std::lock_guard lock(mutex_);
    places_.leave_several(part.holder, part.places);
  }
  // A part that was taken. The lease may end on any thread.
  using Taken = Lease<BodyMemory, Part, &BodyMemory::give_back>;

  // Takes a part for a body of up to `bytes`. Empty when there is not enough left, or not for this client.
  Taken take(const UploadPlaces::Holder& holder, size_t bytes) {
    const Part part{holder, 1 + bytes / kPlaceBytes};  // one at least: an empty body takes some memory too
    const std::lock_guard lock(mutex_);
    return places_.take(holder, part.places) ? Taken(*this, part) : Taken();
  }

  size_t taken_bytes() const {
    const std::lock_guard lock(mutex_);
    return places_.taken() * kPlaceBytes;
  }
  size_t most_bytes() const { return places_.most() * kPlaceBytes; }

 private:
  static constexpr size_t kPlaceBytes = 4096;

  mutable std::mutex mutex_;
  UploadPlaces places_;
};

}  // namespace sealgate
