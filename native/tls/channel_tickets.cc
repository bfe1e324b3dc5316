// Channel: session tickets (RFC 8446 4.6.1). OpenSSL creates them at the end of the handshake, while it has
// the secrets. They are kept as plain messages, and are protected later by whoever owns the record layer
// then.
#include <algorithm>

#include "tls/channel.h"

namespace sealgate {

// The SSL object writes nothing afterwards, so the records that it makes here are thrown away.
void Channel::make_tickets(size_t count) {
  making_tickets_ = true;
  for (size_t i = 0; i < count; i++) {
    if (SSL_new_session_ticket(ssl_) != 1 || SSL_do_handshake(ssl_) != 1) break;
  }
  making_tickets_ = false;
  tickets_.shrink_to_fit();
  forget_errors();
}

void Channel::on_ticket_written(std::string_view message) {
  if (making_tickets_) tickets_.append(message);
}

// What cannot be sent now is sent with the next response. A failed write will also fail for that response.
void Channel::release_tickets() {
  for (; tickets_owed_ > 0; tickets_owed_--) {
    (void)SSL_new_session_ticket(ssl_);  // written by the next SSL_write
  }
  std::string_view left = tickets_;
  while (!left.empty() && !broken_) {
    // A message may be split anywhere (RFC 8446 5.1), and need not end with a record.
    const std::string_view piece = left.substr(0, record_bytes_);
    if (sends_by_kernel()) {
      if (!send_control(kRecordHandshake, piece).ok()) break;
    } else {
      if (!can_protect()) break;
      const size_t before = outbox_.size();
      outbox_.resize(before + piece.size() + kRecordOverhead);
      const size_t size = protector_->protect(kRecordHandshake, piece, outbox_.data() + before);
      outbox_.resize(before + size);
      if (size == 0) break;
    }
    count_sent(1);
    left.remove_prefix(piece.size());
  }
  std::string(left).swap(tickets_);
  if (!sends_by_kernel()) (void)flush(true);
}

}  // namespace sealgate
