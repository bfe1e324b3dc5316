// Reactor, the part that asks the front end: no more at a time than it is to have, the rest in turns.
#include <utility>

#include "server/connection.h"
#include "server/reactor.h"

namespace sealgate {

void Reactor::ask_front_end(Connection& connection, FrontEndEvent event) {
  const size_t client = connection.client();
  if (front_end_turns_.nobody_waits() && front_end_turns_.take(client)) {
    connection.on_asked();
    return engine_.front_end.push(std::move(event));
  }
  front_end_turns_.add(client, std::move(event));
  fill_front_end();
}

void Reactor::front_end_answered(size_t client) {
  front_end_turns_.leave(client);
  fill_front_end();
}

// Requests whose connection has gone meanwhile are not asked any more.
void Reactor::fill_front_end() {
  while (auto next = front_end_turns_.next()) {
    auto& [client, event] = *next;
    Connection* const connection = find(std::get<RequestEvent>(event.what).request);
    if (!connection || !front_end_turns_.take(client)) continue;
    connection->on_asked();
    engine_.front_end.push(std::move(event));
  }
}

}  // namespace sealgate
