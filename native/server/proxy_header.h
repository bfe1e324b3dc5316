// ProxyHeader: what a proxy says of a connection before its first byte: whose it is (the PROXY protocol of
// HAProxy, versions 1 and 2). Who may say so is the listener's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sealgate {

// Bytes. A longer header is malformed; one of version 1 has at most 107.
inline constexpr size_t kMaxProxyHeader = 4096;

enum class ProxyReading : uint8_t { whole, partial, malformed };

struct ProxyHeader {
  size_t bytes = 0;  // of the header itself
  // Numeric address. Empty: the connection is the proxy's own, such as a health check, or of a family that
  // says no IP address; it is then that of the socket's peer.
  std::string client;
};

// Reads the header at the beginning of what has arrived. What is no header is malformed at its first byte
// that does not fit.
ProxyReading read_proxy_header(std::string_view arrived, ProxyHeader* out);

// What came of the header of a connection.
enum class ProxyOutcome : uint8_t {
  client,     // it named a client
  own,        // it named none
  stranger,   // nobody whose headers count has sent it, so it was not read
  malformed,  // it was none
  late,       // it did not come in time
  cut,        // the connection ended before its end
  count_,
};

std::string_view proxy_outcome_name(ProxyOutcome outcome);

}  // namespace sealgate
