#include "server/counters.h"

namespace sealgate {

std::string_view state_name(State state) {
  switch (state) {
    case State::proxy: return "proxy";
    case State::handshake: return "handshake";
    case State::idle: return "idle";
    case State::head: return "head";
    case State::waiting: return "waiting";
    case State::receiving: return "receiving";
    case State::sending: return "sending";
    case State::lingering: return "lingering";
    case State::closed: return "closed";
    case State::count_: break;
  }
  return "";
}

}  // namespace sealgate
