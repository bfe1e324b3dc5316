// What a service manager and the process tell each other: sockets that it made (sd_listen_fds(3)), and how
// the service does (sd_notify(3)).
#pragma once

#include <string>

#include "base/status.h"
#include "server/listening_sockets.h"

namespace sealgate {

// The variables of sd_listen_fds(3): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
struct PassedSockets {
  std::string process, count, names;
};

// Gives the table the sockets that were passed to this process, by their names. None are there when
// LISTEN_PID names another process. False, with the reason, when one of them cannot be used.
bool take_passed_sockets(const PassedSockets& said, ListeningSockets* table, std::string* failure);

// Sends lines of VARIABLE=VALUE to NOTIFY_SOCKET; nothing where it is empty. RELOADING=1 gets the time that
// it has to come with. Never blocks.
Status notify_manager(const std::string& path, const std::string& state);

}  // namespace sealgate
