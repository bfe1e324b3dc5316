// MemorySink: a small body that the application gets as a whole, in memory. It is whole with its last byte.
#pragma once

#include <memory>

#include "server/body_memory.h"
#include "server/body_sink.h"

namespace sealgate {

class MemorySink final : public BodySink {
 public:
  // `capacity`: what was taken of the memory for bodies, and enough for one of `most_bytes` or of known
  // length.
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
  // Shared with the event that hands the bytes over: it may wait for the application longer than the client.
  std::shared_ptr<const BodyMemory::Taken> memory_;
  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  bool whole_ = false;
};

}  // namespace sealgate
