// Reactor, the part that asks the application: it has a limited number of requests at a time, and the
// others take turns.
#include <utility>

#include "server/exchange.h"
#include "server/reactor.h"

namespace sealgate {

void Reactor::ask_application(Exchange& exchange, ApplicationEvent event) {
  const size_t client = exchange.client();
  if (application_turns_.nobody_waits() && application_turns_.take(client)) {
    exchange.on_asked({*this, client});
    return tell_application(std::move(event));
  }
  application_turns_.add(client, std::move(event));
  application_turns_.forget_if_many([this](const ApplicationEvent& each) {
    return tickets_.find(std::get<RequestEvent>(each.what).request) == nullptr;
  });
  fill_application();
}

void Reactor::leave_application(const size_t& client) {
  application_turns_.leave(client);
  fill_application();
}

// Sends waiting requests. Those whose connection has been closed are skipped.
void Reactor::fill_application() {
  while (auto next = application_turns_.next()) {
    auto& [client, event] = *next;
    Exchange* const exchange = tickets_.find(std::get<RequestEvent>(event.what).request);
    if (!exchange || !application_turns_.take(client)) continue;
    exchange->on_asked({*this, client});
    tell_application(std::move(event));
  }
}

}  // namespace sealgate
