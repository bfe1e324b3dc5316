// Upload: the body of one request on its way into the store, with all it holds of the server meanwhile: a
// place among the uploads, and the name under which the I/O pool comes back to its exchange. When it ends
// before its file was handed over, the body is given up: nothing of it stays, and the application is told.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/ingest.h"
#include "server/plan.h"
#include "server/tickets.h"
#include "server/upload_places.h"

namespace sealgate {

class Reactor;

class Upload {
 public:
  using Place = Lease<UploadPlaces, UploadPlaces::Holder, &UploadPlaces::leave>;

  // `request` is the application's name for the exchange; `length` of the body, where it is known.
  Upload(Reactor& reactor, Exchange& exchange, uint64_t request, Place place, const ReceivePlan& plan,
         std::optional<uint64_t> length);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  Ingest& ingest() { return *ingest_; }
  const Ingest& ingest() const { return *ingest_; }
  uint64_t most_bytes() const { return most_bytes_; }
  // The body is stored, and its file the application's from here on.
  void hand_over();

 private:
  Reactor& reactor_;
  const uint64_t request_;
  const uint64_t most_bytes_;
  Place place_;
  Ticket woken_by_;
  std::shared_ptr<Ingest> ingest_;  // the job under way holds it too
  bool handed_over_ = false;
};

}  // namespace sealgate
