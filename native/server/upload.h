// Upload: the body of one request on its way into a staging file. It holds a place among the uploads, and the
// name under which the I/O pool comes back to its exchange. Of a body that is given up nothing stays.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/body_sink.h"
#include "server/ingest.h"
#include "server/plan.h"
#include "server/tickets.h"
#include "server/upload_places.h"

namespace sealgate {

class Exchange;

class Upload final : public BodySink {
 public:
  using Place = Lease<UploadPlaces, UploadPlaces::Holder, &UploadPlaces::leave>;

  // `length`: of the body, where it is known.
  Upload(Reactor& reactor, Exchange& exchange, uint64_t request, Place place, UploadTarget to,
         uint64_t most_bytes, std::optional<uint64_t> length);
  ~Upload() override;

  std::span<char> room() override { return ingest_->room(); }
  bool waits() const override { return ingest_->waits(); }
  size_t append(std::string_view bytes) override {
    const size_t taken = ingest_->append(bytes);
    received_ += taken;
    return taken;
  }
  void finish() override { ingest_->finish(); }
  bool settle() override { return ingest_->settle(); }
  bool whole() const override { return ingest_->stored(); }
  Status failure() const override { return ingest_->failure(); }
  void hand_over() override;

 private:
  Place place_;
  Ticket woken_by_;
  std::shared_ptr<Ingest> ingest_;  // the job under way holds it too
};

}  // namespace sealgate
