// ReceivedBody: a body on its way into a file, for tests of the writer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mailbox.h"
#include "server/staging_writer.h"
#include "test/readable.h"

namespace sealgate {

// Receives a body as a reactor does: gives what fits, waits to be woken, goes on.
struct ReceivedBody {
  explicit ReceivedBody(const std::string& path, std::optional<uint64_t> length = std::nullopt)
      : ReceivedBody(StagingTarget{path}, length) {}
  explicit ReceivedBody(FileTarget to, std::optional<uint64_t> length = std::nullopt) {
    writer = StagingWriter::start(pool, std::move(to), length, [this] { mailbox.post([] {}); });
  }
  ReceivedBody(const ReceivedBody&) = delete;
  bool woken() {
    if (!readable(mailbox.fd(), kPatience)) return false;
    mailbox.run();
    return writer->settle();
  }
  void send(std::string_view bytes) {
    while (writer->failure().ok()) {
      bytes.remove_prefix(writer->append(bytes));
      if (bytes.empty() || !woken()) return;
    }
  }
  void finish() {
    writer->finish();
    while (!writer->stored() && writer->failure().ok() && woken()) continue;
  }

  Mailbox mailbox;
  IoPool pool{2};
  std::shared_ptr<StagingWriter> writer;
};

}  // namespace sealgate
