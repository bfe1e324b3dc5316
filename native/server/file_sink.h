// FileSink: the body of one request on its way into a staging file, new or partial. It holds a place among
// the uploads, and the ticket by which the I/O pool resumes its exchange.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/body_sink.h"
#include "server/plan.h"
#include "server/staging_writer.h"
#include "server/tickets.h"
#include "server/upload_places.h"

namespace sealgate {

class Exchange;

class FileSink final : public BodySink {
 public:
  using Place = Lease<UploadPlaces, UploadPlaces::Holder, &UploadPlaces::leave>;

  // `length`: of the body, if it is known. `gathered`: the most bytes that are gathered in memory.
  FileSink(Reactor& reactor, Exchange& exchange, uint64_t request, Place place, FileTarget to,
           uint64_t most_bytes, std::optional<uint64_t> length, size_t gathered);
  ~FileSink() override;

  std::span<char> room() override { return writer_->room(); }
  bool waits() const override { return writer_->waits(); }
  size_t append(std::string_view bytes) override {
    const size_t taken = writer_->append(bytes);
    received_ += taken;
    return taken;
  }
  void finish() override { writer_->finish(); }
  void pass_on() override { writer_->pass_on(); }
  bool settle() override { return writer_->settle(); }
  bool whole() const override { return writer_->stored(); }
  Status failure() const override { return writer_->failure(); }
  void hand_over() override;

 private:
  Place place_;
  Ticket woken_by_;
  std::shared_ptr<StagingWriter> writer_;  // a job under way shares ownership
};

}  // namespace sealgate
