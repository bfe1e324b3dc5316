#include "server/opening_session.h"

#include <nghttp2/nghttp2.h>

#include "server/http1_session.h"
#include "server/http2_session.h"
#include "server/transport.h"

namespace sealgate {

void OpeningSession::proceed() {
  constexpr std::string_view kPreface(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
  char first[kPreface.size()];
  bool ended = false;
  const size_t size = transport_.channel().peek(first, sizeof first, &ended);
  const bool fits = kPreface.starts_with(std::string_view(first, size));
  Transport& transport = transport_;
  if (fits && size == kPreface.size()) {
    transport.speak(std::make_unique<Http2Session>(reactor_, transport));
  } else if (fits && !ended) {
    if (size > 0 && transport.state() == State::idle) transport.set_state(State::head);
    return;
  } else {
    transport.speak(std::make_unique<Http1Session>(reactor_, transport));
  }
  transport.set_state(State::idle);
  transport.proceed();
}

// Half a preface is no request that could be answered.
void OpeningSession::on_deadline() { transport_.leave(transport_.state() != State::idle); }

void OpeningSession::drain() { transport_.leave(transport_.state() != State::idle); }

}  // namespace sealgate
