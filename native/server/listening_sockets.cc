#include "server/listening_sockets.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace sealgate {
namespace {

constexpr int kBacklog = 4096;   // the kernel lowers it to net.core.somaxconn
constexpr int kLockTries = 200;  // of a folder, one each
constexpr std::chrono::milliseconds kBetweenTries(10);

Status set(int socket, int level, int option, int value, const char* name) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0 ? Status() : Status::last(name);
}

int option_of(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

Status open_socket(const ListeningSockets::Wanted& wanted, Fd* out) {
  const int family = wanted.address.family();
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Status::last("socket");
  Status status = set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  // Set either way, because the host may have another default (net.ipv6.bindv6only).
  if (status.ok() && family == AF_INET6)
    status = set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, wanted.v6_only ? 1 : 0, "IPV6_V6ONLY");
  *out = std::move(fd);
  return status;
}

// Binds without SO_REUSEPORT, which fails if any other socket listens there: with SO_REUSEPORT alone both
// would silently share its connections.
Status nobody_listens(const ListeningSockets::Wanted& wanted) {
  Fd probe;
  if (const Status status = open_socket(wanted, &probe); !status.ok()) return status;
  if (::bind(probe.get(), wanted.address.get(), wanted.address.size()) != 0) return Status::last("bind");
  return {};
}

// One more socket of an address whose other sockets are ours.
Status bind_to(const ListeningSockets::Wanted& wanted, ListeningSocket* out) {
  if (const Status status = open_socket(wanted, &out->fd); !status.ok()) return status;
  const int fd = out->fd.get();
  if (const Status status = set(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"); !status.ok()) return status;
  if (::bind(fd, wanted.address.get(), wanted.address.size()) != 0) return Status::last("bind");
  return SocketAddress::of(fd, &out->address);
}

Status make(ListeningSockets::Wanted wanted, ListenerSockets* out) {
  if (wanted.address.port() != 0) {
    if (const Status status = nobody_listens(wanted); !status.ok()) return status;
  }
  for (size_t i = 0; i < std::max<size_t>(wanted.sockets, 1); i++) {
    auto socket = std::make_shared<ListeningSocket>();
    if (const Status status = bind_to(wanted, socket.get()); !status.ok()) return status;
    wanted.address = socket->address;  // port 0 becomes one port for all of them
    out->sockets.push_back(std::move(socket));
  }
  return {};
}

// A socket at the path that nobody listens on is removed: a server that was killed left it. Another file
// stays.
// @returns why the path cannot be had; empty: it is free.
std::string remove_stale(const SocketAddress& address) {
  struct stat found;
  const std::string path = address.path();
  if (path.front() == '@' || ::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return "there is a file that is no socket; remove it, or name another path";
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), address.get(), address.size()) == 0 || errno == EAGAIN)
    return "another process listens there; end it, or name another path";
  if (errno != ECONNREFUSED) return describe(Status::last("connect"));
  return ::unlink(path.c_str()) == 0 ? "" : describe(Status::last("unlink"));
}

Status give_rights(const ListeningSockets::Wanted& wanted) {
  const std::string path = wanted.address.path();
  if (path.front() == '@') return {};
  const bool has_owner = wanted.user != static_cast<uid_t>(-1) || wanted.group != static_cast<gid_t>(-1);
  if (has_owner && ::lchown(path.c_str(), wanted.user, wanted.group) != 0) return Status::last("chown");
  const int changed = ::fchmodat(AT_FDCWD, path.c_str(), wanted.mode, AT_SYMLINK_NOFOLLOW);
  return changed == 0 ? Status() : Status::last("chmod");
}

// Whoever may connect may do so only once the mode is set, since nobody can before listen(2). It listens at
// once: to another server that starts, a socket that does not is one that a killed server left.
Status make_path(const ListeningSockets::Wanted& wanted, ListenerSockets* out) {
  auto socket = std::make_shared<ListeningSocket>();
  socket->address = wanted.address;
  if (const Status status = open_socket(wanted, &socket->fd); !status.ok()) return status;
  const int fd = socket->fd.get();
  if (::bind(fd, wanted.address.get(), wanted.address.size()) != 0) return Status::last("bind");
  Status status = give_rights(wanted);
  if (status.ok() && ::listen(fd, kBacklog) != 0) status = Status::last("listen");
  if (!status.ok()) {
    ::unlink(wanted.address.path().c_str());
    return status;
  }
  out->sockets.push_back(std::move(socket));
  return {};
}

// Makes servers that start at once look at a path one after another: whoever is next finds a socket that
// listens. The lock is that of the folder, since a file of its own would stay there (flock(2)).
// @returns why it cannot be had; empty: it is held while `out` is open, or the socket has no folder.
std::string lock_folder_of(const SocketAddress& address, Fd* out) {
  const std::string path = address.path();
  if (path.front() == '@') return {};
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  out->reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!*out) return errno == ENOENT ? "its folder does not exist; make it" : describe(Status::last("open"));
  for (int tries = 0; ::flock(out->get(), LOCK_EX | LOCK_NB) != 0; tries++) {
    if (errno != EWOULDBLOCK) return describe(Status::last("flock"));
    if (tries == kLockTries) return "another process keeps the folder locked";
    std::this_thread::sleep_for(kBetweenTries);
  }
  return {};
}

std::string why_not(const Status& status) {
  if (status.error == EADDRINUSE) return "is in use; end what listens there, or name another address";
  if (status.error == EADDRNOTAVAIL) return "this host has no such address";
  return describe(status);
}

}  // namespace

bool ListeningSockets::give(const std::string& name, Fd socket, std::string* failure) {
  auto given = std::make_shared<ListeningSocket>();
  const int fd = socket.get();
  if (const Status status = SocketAddress::of(fd, &given->address); !status.ok())
    return *failure = status.error == EBADF ? "is not open" : "is no socket", false;
  const int family = given->address.family();
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
    return *failure = "is of another kind than IPv4, IPv6 and unix", false;
  if (option_of(fd, SO_TYPE) != SOCK_STREAM)
    return *failure = given->address.text() + " is no stream socket", false;
  if (option_of(fd, SO_ACCEPTCONN) != 1) return *failure = given->address.text() + " does not listen", false;
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
    return *failure = describe(Status::last("fcntl")), false;
  given->fd = std::move(socket);
  for (ListenerSockets& each : given_) {
    if (each.name == name && each.sockets.front()->address == given->address)
      return each.sockets.push_back(std::move(given)), true;
  }
  given_.push_back({name, {std::move(given)}});
  return true;
}

bool ListeningSockets::open(const Wanted& wanted, std::string* failure) {
  auto found =
      std::find_if(given_.begin(), given_.end(), [&](const auto& g) { return g.name == wanted.name; });
  if (found == given_.end()) {
    found = std::find_if(given_.begin(), given_.end(),
                         [&](const auto& g) { return g.sockets.front()->address == wanted.address; });
  }
  if (found != given_.end()) {
    opened_.push_back({wanted.name, std::move(found->sockets)});
    given_.erase(found);
    return true;
  }
  ListenerSockets made{wanted.name, {}};
  const bool has_path = wanted.address.family() == AF_UNIX;
  Fd folder;
  if (has_path) {
    std::string why = lock_folder_of(wanted.address, &folder);
    if (why.empty()) why = remove_stale(wanted.address);
    if (!why.empty()) return *failure = wanted.address.text() + ": " + why, false;
  }
  if (const Status status = has_path ? make_path(wanted, &made) : make(wanted, &made); !status.ok())
    return *failure = wanted.address.text() + ": " + why_not(status), false;
  if (has_path) own(wanted.address.path());
  opened_.push_back(std::move(made));
  return true;
}

bool ListeningSockets::listen(std::string* failure) {
  for (const ListenerSockets& listener : opened_) {
    for (const SharedSocket& socket : listener.sockets) {
      if (option_of(socket->fd.get(), SO_ACCEPTCONN) == 1) continue;  // given, or one that listens already
      if (::listen(socket->fd.get(), kBacklog) == 0) continue;
      *failure = socket->address.text() + ": " + describe(Status::last("listen"));
      return false;
    }
  }
  return true;
}

const ListenerSockets* ListeningSockets::find(const std::string& name) const {
  const auto found =
      std::find_if(opened_.begin(), opened_.end(), [&](const auto& each) { return each.name == name; });
  return found == opened_.end() ? nullptr : &*found;
}

Status ListeningSockets::duplicate(const ListenerSockets& listener, Fd* out) {
  out->reset(::fcntl(listener.sockets.front()->fd.get(), F_DUPFD_CLOEXEC, 0));
  return *out ? Status() : Status::last("fcntl");
}

void ListeningSockets::own(const std::string& path) {
  struct stat found;
  if (::lstat(path.c_str(), &found) == 0) owned_.push_back({path, found.st_dev, found.st_ino});
}

bool ListeningSockets::owns(const std::string& path) const {
  return std::any_of(owned_.begin(), owned_.end(), [&](const OwnedFile& each) { return each.path == path; });
}

void ListeningSockets::close() {
  for (const OwnedFile& each : std::exchange(owned_, {})) {
    struct stat found;
    const bool is_there = ::lstat(each.path.c_str(), &found) == 0;
    if (is_there && found.st_dev == each.device && found.st_ino == each.inode) ::unlink(each.path.c_str());
  }
  given_.clear();
  opened_.clear();
}

std::vector<SharedSocket> ListeningSockets::share_of(const ListenerSockets& listener, size_t worker,
                                                     size_t workers) {
  const std::vector<SharedSocket>& all = listener.sockets;
  std::vector<SharedSocket> out;
  if (all.size() < workers) return {all[worker % all.size()]};
  for (size_t i = worker; i < all.size(); i += workers) out.push_back(all[i]);
  return out;
}

}  // namespace sealgate
