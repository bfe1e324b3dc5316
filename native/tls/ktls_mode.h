// KtlsMode: who protects a socket's records after keys were installed, as the kernel reports it (TLS_INFO
// over sock_diag(7), include/uapi/linux/tls.h). A network device may take over keys without a request.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "tls/ktls.h"

namespace sealgate {

enum class KtlsMode : uint8_t {
  none,           // TLS_BASE: no key in this direction
  software,       // TLS_SW: the processor
  device,         // TLS_HW: the network device encrypts, the kernel builds records
  device_record,  // TLS_HW_RECORD: the device builds them too, below the kernel's sight
  unknown,        // the kernel does not tell; it takes CAP_NET_ADMIN
  count_
};

std::string_view ktls_mode_name(KtlsMode mode);

struct KtlsModes {
  KtlsMode by_direction[2] = {KtlsMode::unknown, KtlsMode::unknown};
  bool zero_copy = false;  // TLS_TX_ZEROCOPY_RO is set

  KtlsMode operator[](Direction direction) const { return by_direction[static_cast<size_t>(direction)]; }
};

// Reads the modes of a connected TCP socket in this network namespace. ENOENT: the socket has no kernel TLS.
Status ktls_modes(int fd, KtlsModes* out);

}  // namespace sealgate
