// Transport: one client connection from accept to close. It owns the socket and the channel, performs the
// handshake, moves directions into the kernel, keeps the connection's deadline, and ends the connection in
// order. It knows the protocol only as a Session.
//
//   proxy → handshake → open: states that the session says → lingering → closed
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/deadlines.h"
#include "server/connection_info.h"
#include "server/credentials.h"
#include "server/kernel_moves.h"
#include "server/reactor.h"
#include "server/session.h"
#include "tls/channel.h"

namespace sealgate {

class Transport final : public EventTarget, public DeadlineOwner {
 public:
  Transport(Reactor& reactor, Fd socket, std::shared_ptr<const TlsContext> tls, const Listener& listener,
            std::string peer);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // --- called by the reactor ---
  bool usable() const { return channel_.usable(); }
  int fd() const { return channel_.fd(); }
  // Its place among the connections of its client.
  void hold(ConnectionCounts::Place place) { place_ = std::move(place); }
  void on_events(uint32_t events) override;
  void on_deadline() override;
  void on_ending();    // no further request is wanted
  void on_stopping();  // the reactor drains
  void proceed();
  void close();    // at once, without close_notify
  void give_up();  // like close(), for another client or at the end of the server: not the client's fault
  bool given_up() const { return given_up_; }
  ConnectionInfo info() const;

  Deadline deadline;
  size_t index = 0;  // index in the reactor's list of connections
  bool in_ready = false;

  // --- called by its session and the exchanges on it ---
  // Bytes exchanged since the deadline was last set.
  uint64_t moved() const { return session_ ? session_->moved() : 0; }
  State state() const { return state_; }
  void set_state(State state);
  void extend_deadline() { reactor_.schedule(deadline, state_); }
  // An exchange can go on: it has the answer of the application or the disk, or its sink has room.
  void resume();
  Channel& channel() { return channel_; }
  const Channel& channel() const { return channel_; }
  Credentials& credentials() { return credentials_; }
  KernelMoves& moves() { return moves_; }
  const KernelMoves& moves() const { return moves_; }
  const std::string& peer() const { return peer_; }
  size_t client() const { return client_; }
  // Whether it is of a network whose clients may name requests.
  bool names_requests() const { return names_requests_; }
  IoResult read(std::span<char> buffer) {
    const IoResult result = channel_.read(buffer.data(), buffer.size());
    if (result.state == IoState::ok) moves_.after_read();
    return result;
  }
  // Whether arriving bytes wake the transport. While its session can take no more, each segment would wake
  // the reactor in vain; the end of the connection is reported in any case.
  void hear_arrivals(bool wanted);
  // Closes our half once all that was written has been sent. may_follow: the client may still be sending.
  void leave(bool may_follow);
  // The first bytes have shown which protocol the client speaks. The last session is destroyed.
  void speak(std::unique_ptr<Session> session) { session_ = std::move(session); }
  // Adds to the bytes sent so far, which do not include the response under way.
  void add_sent(uint64_t bytes) { sent_ += bytes; }
  uint64_t sent() const { return sent_; }
  // Sets the path of the last response, under which the CPU time of the thread is counted.
  void set_path(Path path) { path_ = path; }

 private:
  State first_state() const { return channel_.is_tls() ? State::handshake : State::idle; }
  bool step_opening();
  bool step_proxy_header();
  bool step_handshake();
  void refuse_proxy_header(ProxyOutcome outcome);
  bool become(std::string peer);
  void refuse_plaintext();
  void step_linger();
  void count_cpu(int64_t began, State began_in);

  Reactor& reactor_;
  Channel channel_;
  KernelMoves moves_;
  Credentials credentials_;
  State state_;
  Path path_ = Path::plain_send;
  bool hears_arrivals_ = true;
  bool given_up_ = false;
  bool must_linger_ = false;  // the client may still be sending
  const size_t listener_;     // its number
  std::string peer_;          // of the socket, or whom a proxy has named
  size_t client_;             // hash of the client (shares.h)
  bool names_requests_;
  ConnectionCounts::Place place_;  // empty: no limit counts it
  const int64_t accepted_at_;      // microseconds of CLOCK_MONOTONIC
  uint64_t sent_ = 0;
  std::unique_ptr<Session> session_;  // null during the handshake
};

}  // namespace sealgate
