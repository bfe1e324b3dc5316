// Fallback: the reason why a direction of a TLS connection is not in the kernel.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace sealgate {

enum class Fallback : uint8_t {
  none,                  // it is in the kernel
  off,                   // ktls.mode
  not_in_rollout,        // the phase has not come to it, or it is in the control group or outside the slice
  kernel_unsupported,    // the probe found no kTLS for this protocol and cipher
  protocol_unsupported,  // a TLS version kTLS does not know
  cipher_unsupported,    // a cipher kTLS does not know
  too_short,             // no response reached ktls.minBytes
  pending_data,          // records were begun or not sent when the connection could have moved
  record_size_limit,     // the peer takes shorter records only than the kernel sends
  // The kernel refused the record layer or the keys, with that errno:
  install_enoent,       // it has no kTLS, or may not load its module now
  install_einval,       // it does not know this version or cipher
  install_ebusy,        // this direction has keys already
  install_enotconn,     // the connection was gone by then
  install_enomem,       // no memory, or a limit of it
  install_enoprotoopt,  // no such option on this socket, as in sandboxes
  install_eopnotsupp,   // kernel TLS is not available on this socket
  install_eperm,        // a filter of system calls forbids it
  install_failed,       // any other, or the keys could not be derived
  rekey_unsupported,    // the key had to be replaced, which this kernel cannot do: the connection ended in
                        // order
  key_spent,            // the key had protected all the records that it may, and TLS 1.2 cannot replace it
  count_,
};

std::string_view fallback_name(Fallback fallback);
// The reason for a failed setsockopt TCP_ULP, TLS_TX or TLS_RX.
Fallback install_failure(const Status& status);

}  // namespace sealgate
