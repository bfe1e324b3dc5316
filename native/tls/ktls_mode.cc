#include "tls/ktls_mode.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace sealgate {
namespace {

struct Request {
  nlmsghdr header{};
  inet_diag_req_v2 body{};
};

void fill_address(const sockaddr_storage& from, __be32* address, __be16* port) {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    std::memcpy(address, &v4.sin_addr, sizeof v4.sin_addr);
    *port = v4.sin_port;
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(address, &v6.sin6_addr, sizeof v6.sin6_addr);
    *port = v6.sin6_port;
  }
}

Status request_for(int fd, Request* out) {
  sockaddr_storage here{}, there{};
  socklen_t size = sizeof here;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) != 0) return Status::last("getsockname");
  size = sizeof there;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &size) != 0) return Status::last("getpeername");
  out->header.nlmsg_len = sizeof *out;
  out->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  out->header.nlmsg_flags = NLM_F_REQUEST;
  out->body.sdiag_family = static_cast<uint8_t>(here.ss_family);
  out->body.sdiag_protocol = IPPROTO_TCP;
  out->body.idiag_states = ~0u;
  out->body.idiag_ext = 1 << (INET_DIAG_INFO - 1);  // without it the kernel omits ULP information
  inet_diag_sockid& id = out->body.id;
  fill_address(here, id.idiag_src, &id.idiag_sport);
  fill_address(there, id.idiag_dst, &id.idiag_dport);
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return {};
}

// The attribute of this type; null when absent. RTA_NEXT stays within `size`.
const rtattr* find(const rtattr* first, int size, unsigned short type) {
  for (const rtattr* at = first; RTA_OK(at, size); at = RTA_NEXT(at, size)) {
    if ((at->rta_type & NLA_TYPE_MASK) == type) return at;
  }
  return nullptr;
}

const rtattr* find_in(const rtattr* nest, unsigned short type) {
  return nest ? find(static_cast<const rtattr*>(RTA_DATA(nest)), static_cast<int>(RTA_PAYLOAD(nest)), type)
              : nullptr;
}

KtlsMode mode_of(const rtattr* attribute) {
  if (!attribute || RTA_PAYLOAD(attribute) < sizeof(uint16_t)) return KtlsMode::unknown;
  uint16_t conf;
  std::memcpy(&conf, RTA_DATA(attribute), sizeof conf);
  switch (conf) {
    case TLS_CONF_BASE: return KtlsMode::none;
    case TLS_CONF_SW: return KtlsMode::software;
    case TLS_CONF_HW: return KtlsMode::device;
    case TLS_CONF_HW_RECORD: return KtlsMode::device_record;
    default: return KtlsMode::unknown;
  }
}

Status read_answer(const nlmsghdr* answer, size_t size, KtlsModes* out) {
  if (!NLMSG_OK(answer, size)) return {EPROTO, "sock_diag"};
  if (answer->nlmsg_type == NLMSG_ERROR) {
    const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(answer));
    return {-error->error, "sock_diag"};
  }
  const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(answer));
  const auto* first = reinterpret_cast<const rtattr*>(socket + 1);
  const int left = static_cast<int>(answer->nlmsg_len - NLMSG_LENGTH(sizeof *socket));
  constexpr unsigned short kUlpInfo = INET_DIAG_ULP_INFO, kTls = INET_ULP_INFO_TLS;
  const rtattr* ulp = find(first, left, kUlpInfo);
  if (!ulp) return {ENOENT, "INET_DIAG_ULP_INFO"};
  const rtattr* tls = find_in(ulp, kTls);
  out->by_direction[static_cast<size_t>(Direction::tx)] = mode_of(find_in(tls, TLS_INFO_TXCONF));
  out->by_direction[static_cast<size_t>(Direction::rx)] = mode_of(find_in(tls, TLS_INFO_RXCONF));
  constexpr unsigned short kZeroCopy = 5;  // TLS_INFO_ZC_RO_TX; newer than this libc's headers
  out->zero_copy = find_in(tls, kZeroCopy) != nullptr;
  return {};
}

}  // namespace

std::string_view ktls_mode_name(KtlsMode mode) {
  switch (mode) {
    case KtlsMode::none: return "none";
    case KtlsMode::software: return "software";
    case KtlsMode::device: return "device";
    case KtlsMode::device_record: return "device-record";
    case KtlsMode::unknown: return "unknown";
    case KtlsMode::count_: break;
  }
  return "";
}

Status ktls_modes(int fd, KtlsModes* out) {
  Request request;
  if (const Status status = request_for(fd, &request); !status.ok()) return status;
  const Fd netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return Status::last("socket NETLINK_SOCK_DIAG");
  if (::send(netlink.get(), &request, sizeof request, 0) < 0) return Status::last("send sock_diag");
  alignas(nlmsghdr) char answer[4096];
  const ssize_t n = ::recv(netlink.get(), answer, sizeof answer, MSG_DONTWAIT);  // it is there already
  if (n < 0) return Status::last("recv sock_diag");
  return read_answer(reinterpret_cast<const nlmsghdr*>(answer), static_cast<size_t>(n), out);
}

}  // namespace sealgate
