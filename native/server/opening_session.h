// OpeningSession: a connection in the clear whose protocol is not known yet. HTTP/2 begins with a preface
// that is no HTTP/1.1 request (RFC 9113 3.4); its bytes are looked at and left where they are.
#pragma once

#include "server/reactor.h"
#include "server/session.h"

namespace sealgate {

class OpeningSession final : public Session {
 public:
  OpeningSession(Reactor& reactor, Transport& transport) : reactor_(reactor), transport_(transport) {}

  void proceed() override;  // may destroy the session
  void on_deadline() override;
  bool idle() const override { return true; }
  bool only_delivers() const override { return false; }
  void on_closed() override {}
  uint64_t moved() const override { return 0; }
  void describe(ConnectionInfo&) const override {}
  void drain() override;
  std::string_view http_version(const Exchange&) const override { return {}; }

  // It has no exchanges.
  void wait(Exchange&) override {}
  size_t sink_bytes() const override { return 0; }
  void receive(Exchange&, const ResponseFields&) override {}
  void respond(Exchange&) override {}
  bool keep(Exchange&) override { return false; }
  bool repeat(Exchange&, std::shared_ptr<const OpenedPlan>&) override { return false; }
  void resume(Exchange&) override {}
  void wake(Exchange&) override {}

 private:
  Reactor& reactor_;
  Transport& transport_;
};

}  // namespace sealgate
