#include "server/shares.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <functional>
#include <string>

namespace sealgate {

size_t client_at(std::string_view address) {
  const std::hash<std::string_view> hash;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, std::string(address).c_str(), &v6) != 1) return hash(address);
  const auto* const bytes = reinterpret_cast<const char*>(v6.s6_addr);
  if (!IN6_IS_ADDR_V4MAPPED(&v6)) return hash({bytes, 8});
  // The address is an IPv4 client of a listener for both versions.
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, bytes + 12, text, sizeof text);
  return hash(text);
}

}  // namespace sealgate
