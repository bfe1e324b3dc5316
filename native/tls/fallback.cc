#include "tls/fallback.h"

namespace sealgate {

std::string_view fallback_name(Fallback fallback) {
  switch (fallback) {
    case Fallback::none: return "none";
    case Fallback::off: return "off";
    case Fallback::not_in_rollout: return "not-in-rollout";
    case Fallback::kernel_unsupported: return "kernel-unsupported";
    case Fallback::protocol_unsupported: return "protocol-unsupported";
    case Fallback::cipher_unsupported: return "cipher-unsupported";
    case Fallback::too_short: return "too-short";
    case Fallback::pending_data: return "pending-data";
    case Fallback::record_size_limit: return "record-size-limit";
    case Fallback::install_failed: return "install-failed";
    case Fallback::rekey_unsupported: return "rekey-unsupported";
    case Fallback::key_spent: return "key-spent";
    case Fallback::count_: break;
  }
  return "";
}

}  // namespace sealgate
