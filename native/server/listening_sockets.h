// ListeningSockets: the sockets on which the server listens, by the name of their listener. The process makes
// them, or is given them by whoever had them before; reactors borrow them. A socket is closed when the table
// and the last reactor have let go of it.
//
// The table is used by one thread. The sockets may be held and used by any.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/status.h"
#include "server/socket_address.h"

namespace sealgate {

struct ListeningSocket {
  Fd fd;
  SocketAddress address;  // what it is bound to, with the actual port
};
using SharedSocket = std::shared_ptr<const ListeningSocket>;

// All sockets of one listener. They have the same address.
struct ListenerSockets {
  std::string name;
  std::vector<SharedSocket> sockets;  // never empty
};

class ListeningSockets {
 public:
  struct Wanted {
    std::string name;  // of the listener; each has another
    SocketAddress address;
    bool v6_only = false;                 // for [::]: another listener of the port takes IPv4
    size_t sockets = 1;                   // to make, if none was given; of a path there is one
    mode_t mode = 0666;                   // of a path, whose socket is the owner's
    uid_t user = static_cast<uid_t>(-1);  // -1: as it is made
    gid_t group = static_cast<gid_t>(-1);
  };

  // Hands over a socket that was made elsewhere, before the listeners are opened. The name is that of a
  // listener, or any other: it is then found by its address. False, with the reason, when connections cannot
  // be accepted from it.
  bool give(const std::string& name, Fd socket, std::string* failure);
  // Makes the sockets of a listener, or takes those that were given for its name, else for its address. A
  // made one gets no connections before listen(), unless it has a path: those wait until they are accepted.
  bool open(const Wanted& wanted, std::string* failure);
  // Those that were given and no listener has taken, by what they were given as.
  const std::vector<ListenerSockets>& left() const { return given_; }
  // From now on connections are queued by all sockets.
  bool listen(std::string* failure);

  // In the order in which they were opened.
  const std::vector<ListenerSockets>& all() const { return opened_; }
  // Null: none has this name.
  const ListenerSockets* find(const std::string& name) const;
  // A new descriptor of the first socket.
  static Status duplicate(const ListenerSockets& listener, Fd* out);
  // The table lets go of all sockets. The paths that are its to remove are removed, unless another file is
  // there by now.
  void close();
  // From now on the file at this path of a given socket is this table's to remove, as that of a socket that
  // it made is.
  void own(const std::string& path);
  bool owns(const std::string& path) const;
  // Another process has the sockets, too: their paths stay.
  void hand_over() { owned_.clear(); }

  // The sockets that a worker accepts from: one of each listener's. When there are more of them than workers,
  // some accept from several; when there are fewer, some share one.
  static std::vector<SharedSocket> share_of(const ListenerSockets& listener, size_t worker, size_t workers);

 private:
  // The socket keeps its inode while it is open, so that no other file can have the number.
  struct OwnedFile {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  std::vector<ListenerSockets> given_;
  std::vector<ListenerSockets> opened_;
  std::vector<OwnedFile> owned_;
};

}  // namespace sealgate
