// Reactor, the part that asks the application: no more at a time than it is to have, the rest in turns.
#include <utility>

#include "server/connection.h"
#include "server/reactor.h"

namespace sealgate {

void Reactor::ask_application(Connection& connection, ApplicationEvent event) {
  const size_t client = connection.client();
  if (application_turns_.nobody_waits() && application_turns_.take(client)) {
    connection.on_asked();
    return engine_.application.push(std::move(event));
  }
  application_turns_.add(client, std::move(event));
  fill_application();
}

void Reactor::application_answered(size_t client) {
  application_turns_.leave(client);
  fill_application();
}

// Requests whose connection has gone meanwhile are not asked any more.
void Reactor::fill_application() {
  while (auto next = application_turns_.next()) {
    auto& [client, event] = *next;
    Connection* const connection = find(std::get<RequestEvent>(event.what).request);
    if (!connection || !application_turns_.take(client)) continue;
    connection->on_asked();
    engine_.application.push(std::move(event));
  }
}

}  // namespace sealgate
