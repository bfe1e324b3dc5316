// MemorySink: receives a small body into memory and passes it to the application as a whole.
#pragma once

#include <memory>

#include "server/body_memory.h"
#include "server/body_sink.h"

namespace sealgate {

class MemorySink final : public BodySink {
 public:
  // `capacity`: the size of the part that was taken, which is enough for a body of `most_bytes` or of the
  // known length.
  MemorySink(Reactor& reactor, uint64_t request, BodyMemory::Taken memory, uint64_t most_bytes,
             size_t capacity);
  ~MemorySink() override;

  std::span<char> room() override { return {bytes_.get() + received_, capacity_ - received_}; }
  bool waits() const override { return false; }
  size_t append(std::string_view bytes) override;
  void finish() override { whole_ = true; }
  bool whole() const override { return whole_; }
  void hand_over() override;

 private:
  // Shared with the event that carries the bytes, which may outlive the client and this sink.
  std::shared_ptr<const BodyMemory::Taken> memory_;
  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  bool whole_ = false;
};

}  // namespace sealgate
