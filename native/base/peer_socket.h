// PeerSocket: a connection between two processes of one user on this host, over which open files go along
// with text (unix(7), SOCK_SEQPACKET, SCM_RIGHTS). No runtime has that. Calls block; close() by any thread
// ends them.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class PeerSocket {
 public:
  struct Message {
    std::string text;
    std::vector<Fd> files;
  };
  static constexpr size_t kMaxText = 8 << 20;  // bytes
  static constexpr size_t kMaxFiles = 4096;

  explicit PeerSocket(Fd socket) : socket_(std::move(socket)) {}

  // Listens under a name in a folder, whatever length its path has. A socket that is there is replaced: the
  // caller knows that nobody else listens. Only the owner may connect.
  static Status listen(const std::string& folder, const std::string& name, Fd* out);
  // ECONNREFUSED, ENOENT: nobody listens.
  static Status connect(const std::string& folder, const std::string& name, Fd* out);

  // EINVAL after close().
  Status accept(Fd* out) const;
  // ETIMEDOUT when the peer takes nothing for ten seconds.
  Status send(std::string_view text, const std::vector<Fd>& files);
  // ECONNRESET when the peer has gone, or after close(). EMSGSIZE for more than is taken.
  Status receive(Message* out) const;
  void close() const;

  struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
    bool is_same_user = false;
  };
  // Who it was when the connection was made.
  Peer peer() const;

 private:
  Fd socket_;
  std::mutex sending_;
};

}  // namespace sealgate
