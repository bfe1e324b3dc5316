// Reactor, the part that asks the front end: no more at a time than it is to have, the rest in order.
#include <utility>

#include "server/connection.h"
#include "server/reactor.h"

namespace sealgate {

void Reactor::ask_front_end(FrontEndEvent event) {
  front_end_waiting_.push_back(std::move(event));
  fill_front_end();
}

void Reactor::front_end_answered() {
  front_end_asked_--;
  fill_front_end();
}

// Requests whose connection has gone meanwhile are not asked any more.
void Reactor::fill_front_end() {
  while (!front_end_waiting_.empty() && front_end_asked_ < options_.front_end_requests) {
    FrontEndEvent event = std::move(front_end_waiting_.front());
    front_end_waiting_.pop_front();
    Connection* connection = find(std::get<RequestEvent>(event.what).request);
    if (!connection) continue;
    connection->on_asked();
    front_end_asked_++;
    engine_.front_end.push(std::move(event));
  }
}

}  // namespace sealgate
