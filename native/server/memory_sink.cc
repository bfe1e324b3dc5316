#include "server/memory_sink.h"

#include <algorithm>
#include <utility>

#include "server/reactor.h"

namespace sealgate {

// The whole capacity is counted at once, but the kernel gives a large buffer its pages only when bytes
// arrive.
MemorySink::MemorySink(Reactor& reactor, uint64_t request, BodyMemory::Taken memory, uint64_t most_bytes,
                       size_t capacity)
    : BodySink(reactor, request, most_bytes),
      memory_(std::make_shared<const BodyMemory::Taken>(std::move(memory))),
      capacity_(capacity),
      bytes_(new char[capacity_]) {}

MemorySink::~MemorySink() {
  if (handed_over_) return;
  reactor_.mutable_counters().uploads_aborted.add();
  reactor_.tell_application({reactor_.id(), AbortedEvent{request_}});
}

size_t MemorySink::append(std::string_view bytes) {
  const std::span<char> to = room();
  const size_t taken = std::min(bytes.size(), to.size());
  if (bytes.data() != to.data()) std::copy_n(bytes.data(), taken, to.data());
  received_ += taken;
  return taken;
}

void MemorySink::hand_over() {
  reactor_.mutable_counters().uploads.add();
  reactor_.mutable_counters().upload_sizes.observe(received_);
  reactor_.tell_application(
      {reactor_.id(), BodyEvent{request_, std::move(bytes_), static_cast<size_t>(received_), memory_}});
  handed_over_ = true;
}

}  // namespace sealgate
