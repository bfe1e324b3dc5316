// Reactor, the part that ends: first connections are wound down, then no more are accepted, then those that
// are left are cut.
#include "server/reactor.h"
#include "server/transport.h"

namespace sealgate {

// --- called by other threads ---

void Reactor::wind_down() {
  mailbox_->post([this] { begin_winding_down(); });
}

void Reactor::stop(int64_t grace_ms) {
  mailbox_->post([this, grace_ms] {
    keeps_encoders_ = false;
    begin_drain(grace_ms);
  });
}

void Reactor::retire(int64_t idle_ms, int64_t grace_ms) {
  mailbox_->post([this, idle_ms, grace_ms] { begin_retiring(idle_ms, grace_ms); });
}

// --- on the reactor's thread ---

// Sessions that can tell their clients without an answer do so now.
void Reactor::begin_winding_down() {
  if (winding_down_) return;
  winding_down_ = true;
  for (size_t i = connections_.size(); i-- > 0;) connections_[i]->resume();
}

// From now on others accept, or nobody.
void Reactor::stop_accepting() {
  winding_down_ = ending_ = true;
  accept_again_at_ = 0;
  watch_listeners(false);
  // Serves the connections that are in an accept queue already: closing the socket would reset them, and who
  // shares it was not woken for them.
  for (size_t i = 0; i < listeners_.size(); i++) {
    while (accept_from(i)) {
    }
  }
  for (Listener& listener : listeners_) listener.release();
}

void Reactor::begin_retiring(int64_t idle_ms, int64_t grace_ms) {
  if (ending_) return;
  keeps_encoders_ = true;
  idle_until_ = now_ + idle_ms;
  grace_after_idle_ = grace_ms;
  stop_accepting();
  for (size_t i = connections_.size(); i-- > 0;) connections_[i]->on_ending();
}

void Reactor::begin_drain(int64_t grace_ms) {
  drain_until_ = now_ + grace_ms;
  stopping_ = true;
  if (!ending_) stop_accepting();
  waiting_rooms_.expire(now_, true);
  for (size_t i = connections_.size(); i-- > 0;) connections_[i]->on_stopping();
}

}  // namespace sealgate
