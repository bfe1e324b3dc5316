#include "base/peer_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sealgate {
namespace {

constexpr size_t kFilesAPacket = 250;       // the kernel takes 253
constexpr size_t kTextAPacket = 32 * 1024;  // well below the smallest buffer of a socket
constexpr time_t kPatience = 10;            // seconds
constexpr int kBacklog = 8;
// The first byte of a packet.
constexpr char kMore = '+', kLast = '.';

Fd unix_socket() { return Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

// Paths in sockaddr_un have at most 107 bytes; this one leads to the folder by its descriptor.
bool address_in(int folder, const std::string& name, sockaddr_un* out) {
  *out = {};
  out->sun_family = AF_UNIX;
  const int size =
      std::snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", folder, name.c_str());
  return size > 0 && static_cast<size_t>(size) < sizeof out->sun_path;
}

Status open_folder(const std::string& folder, const std::string& name, Fd* opened, sockaddr_un* address) {
  opened->reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!*opened) return Status::last("open");
  if (!address_in(opened->get(), name, address)) return {ENAMETOOLONG, "socket"};
  return {};
}

const sockaddr* any(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

// Room for the descriptors of one packet, aligned as cmsg(3) wants it.
union Control {
  cmsghdr head;
  char bytes[CMSG_SPACE(kFilesAPacket * sizeof(int))];
};

Status send_packet(int socket, char mark, std::string_view text, const Fd* files, size_t count) {
  iovec parts[] = {{&mark, 1}, {const_cast<char*>(text.data()), text.size()}};
  Control control{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
    std::vector<int> numbers(count);
    std::transform(files, files + count, numbers.begin(), [](const Fd& file) { return file.get(); });
    std::memcpy(CMSG_DATA(&control.head), numbers.data(), count * sizeof(int));
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {ETIMEDOUT, "sendmsg"};
    return Status::last("sendmsg");
  }
}

void take_files(msghdr& message, std::vector<Fd>& out) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i < (each->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
      int file;
      std::memcpy(&file, CMSG_DATA(each) + i * sizeof file, sizeof file);
      out.emplace_back(file);
    }
  }
}

}  // namespace

Status PeerSocket::listen(const std::string& folder, const std::string& name, Fd* out) {
  Fd opened;
  sockaddr_un address;
  if (const Status status = open_folder(folder, name, &opened, &address); !status.ok()) return status;
  Fd socket = unix_socket();
  if (!socket) return Status::last("socket");
  // The file that bind(2) makes has this mode.
  if (::fchmod(socket.get(), 0600) != 0) return Status::last("fchmod");
  if (::unlinkat(opened.get(), name.c_str(), 0) != 0 && errno != ENOENT) return Status::last("unlink");
  if (::bind(socket.get(), any(address), sizeof address) != 0) return Status::last("bind");
  if (::listen(socket.get(), kBacklog) != 0) return Status::last("listen");
  *out = std::move(socket);
  return {};
}

Status PeerSocket::connect(const std::string& folder, const std::string& name, Fd* out) {
  Fd opened;
  sockaddr_un address;
  if (const Status status = open_folder(folder, name, &opened, &address); !status.ok()) return status;
  Fd socket = unix_socket();
  if (!socket) return Status::last("socket");
  if (::connect(socket.get(), any(address), sizeof address) != 0) return Status::last("connect");
  *out = std::move(socket);
  return {};
}

Status PeerSocket::accept(Fd* out) const {
  for (;;) {
    out->reset(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (*out) return {};
    if (errno != EINTR && errno != ECONNABORTED) return Status::last("accept");
  }
}

Status PeerSocket::send(std::string_view text, const std::vector<Fd>& files) {
  const std::lock_guard lock(sending_);
  const timeval patience{kPatience, 0};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
    return Status::last("setsockopt");
  if (text.size() > kMaxText || files.size() > kMaxFiles) return {EMSGSIZE, "send"};
  for (size_t sent = 0;;) {
    const std::string_view piece = text.substr(0, kTextAPacket);
    text.remove_prefix(piece.size());
    const size_t some = std::min(files.size() - sent, kFilesAPacket);
    const bool more = !text.empty() || sent + some < files.size();
    const Status status = send_packet(socket_.get(), more ? kMore : kLast, piece, files.data() + sent, some);
    if (!status.ok() || !more) return status;
    sent += some;
  }
}

Status PeerSocket::receive(Message* out) const {
  std::string packet(1 + kTextAPacket, '\0');
  for (char mark = kMore; mark == kMore;) {
    iovec part{packet.data(), packet.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Status::last("recvmsg");
    if (size == 0) return {ECONNRESET, "recvmsg"};
    take_files(message, out->files);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return {EMSGSIZE, "recvmsg"};
    mark = packet[0];
    if (out->text.size() + static_cast<size_t>(size) > kMaxText || out->files.size() > kMaxFiles)
      return {EMSGSIZE, "recvmsg"};
    out->text.append(packet, 1, static_cast<size_t>(size) - 1);
  }
  return {};
}

void PeerSocket::close() const { ::shutdown(socket_.get(), SHUT_RDWR); }

PeerSocket::Peer PeerSocket::peer() const {
  ucred found{};
  socklen_t size = sizeof found;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return {};
  return {found.pid, found.uid, found.uid == ::geteuid()};
}

}  // namespace sealgate
