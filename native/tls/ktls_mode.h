// KtlsMode: who protects the records of a socket after its keys were installed, as the kernel itself says
// (TLS_INFO over sock_diag(7), include/uapi/linux/tls.h). A key can be taken over by a network device without
// anybody having asked for it.
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

// Of a connected TCP socket of this network namespace. ENOENT: it has no TLS in the kernel.
Status ktls_modes(int fd, KtlsModes* out);

}  // namespace sealgate
