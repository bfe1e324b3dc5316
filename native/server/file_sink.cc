#include "server/file_sink.h"

#include <utility>

#include "server/exchange.h"
#include "server/reactor.h"

namespace sealgate {

FileSink::FileSink(Reactor& reactor, Exchange& exchange, uint64_t request, Place place, FileTarget to,
                   uint64_t most_bytes, std::optional<uint64_t> length, size_t gathered)
    : BodySink(reactor, request, most_bytes),
      place_(std::move(place)),
      woken_by_(reactor.tickets().issue(exchange)) {
  if (auto* const append = std::get_if<AppendTarget>(&to)) {
    append->file->on_interrupt([&reactor, mailbox = reactor.mailbox(), ticket = woken_by_.what()] {
      mailbox->post([&reactor, ticket] {
        if (Exchange* const receiving = reactor.tickets().find(ticket)) receiving->on_interrupted();
      });
    });
  }
  const auto wake = [&reactor, mailbox = reactor.mailbox(), ticket = woken_by_.what()] {
    mailbox->post([&reactor, ticket] {
      if (Exchange* const woken = reactor.tickets().find(ticket)) woken->on_stored();
    });
  };
  writer_ = StagingWriter::start(reactor.engine().uploads, std::move(to), length, wake, gathered);
}

// Tells the application only when nobody writes any more, because only then is the size of a partial file
// known.
FileSink::~FileSink() {
  if (handed_over_) return;
  reactor_.mutable_counters().uploads_aborted.add();
  const auto tell = [&queue = reactor_.engine().application, id = reactor_.id(), request = request_] {
    queue.push({id, AbortedEvent{request}});
  };
  StagingWriter::abort(std::move(writer_), tell);
}

void FileSink::hand_over() {
  writer_->let_go();
  const StagingFile& staged = writer_->staging();
  reactor_.mutable_counters().uploads.add();
  reactor_.mutable_counters().upload_sizes.observe(received_);
  reactor_.tell_application({reactor_.id(), ReceivedEvent{request_, staged.digest(), staged.path(),
                                                          staged.size(), staged.further()}});
  handed_over_ = true;
}

}  // namespace sealgate
