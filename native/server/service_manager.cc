#include "server/service_manager.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"

namespace sealgate {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMost = 4096;

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(':', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

bool take_passed_sockets(const PassedSockets& said, ListeningSockets* table, std::string* failure) {
  const auto& [process, count, names] = said;
  int pid = 0, sockets = 0;
  if (process.empty() && count.empty()) return true;
  if (!read_number(process, &pid) || pid < 0)
    return *failure = "LISTEN_PID: expected a number, got " + process, false;
  if (pid != ::getpid()) return true;
  if (!read_number(count, &sockets) || sockets < 0 || sockets > kMost)
    return *failure = "LISTEN_FDS: expected a number up to 4096, got " + count, false;
  const std::vector<std::string> all = names_in(names);
  for (int i = 0; i < sockets; i++) {
    const std::string name = static_cast<size_t>(i) < all.size() ? all[static_cast<size_t>(i)] : "";
    std::string why;
    if (table->give(name, Fd(kFirst + i), &why)) continue;
    *failure = "the service manager passed descriptor " + std::to_string(kFirst + i) + " (" +
               (name.empty() ? "without a name" : name) + "), which " + why +
               "; the .socket unit needs ListenStream= and Accept=no";
    return false;
  }
  return true;
}

Status notify_manager(const std::string& path, const std::string& state) {
  if (path.empty()) return {};
  SocketAddress to;
  if ((path[0] != '/' && path[0] != '@') || !SocketAddress::parse_path(path, &to))
    return {EINVAL, "NOTIFY_SOCKET"};
  std::string text = state;
  if (text.starts_with("RELOADING=1")) text += "\nMONOTONIC_USEC=" + std::to_string(monotonic_us());
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Status::last("socket");
  if (::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL, to.get(), to.size()) < 0)
    return Status::last("sendto NOTIFY_SOCKET");
  return {};
}

}  // namespace sealgate
