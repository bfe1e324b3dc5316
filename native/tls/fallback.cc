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
    case Fallback::install_enoent: return "install-failed-enoent";
    case Fallback::install_einval: return "install-failed-einval";
    case Fallback::install_ebusy: return "install-failed-ebusy";
    case Fallback::install_enotconn: return "install-failed-enotconn";
    case Fallback::install_enomem: return "install-failed-enomem";
    case Fallback::install_enoprotoopt: return "install-failed-enoprotoopt";
    case Fallback::install_eopnotsupp: return "install-failed-eopnotsupp";
    case Fallback::install_eperm: return "install-failed-eperm";
    case Fallback::install_failed: return "install-failed";
    case Fallback::rekey_unsupported: return "rekey-unsupported";
    case Fallback::key_spent: return "key-spent";
    case Fallback::count_: break;
  }
  return "";
}

Fallback install_failure(const Status& status) {
  switch (status.error) {
    case ENOENT: return Fallback::install_enoent;
    case EINVAL: return Fallback::install_einval;
    case EBUSY: return Fallback::install_ebusy;
    case ENOTCONN: return Fallback::install_enotconn;
    case ENOMEM: return Fallback::install_enomem;
    case ENOPROTOOPT: return Fallback::install_enoprotoopt;
    case EOPNOTSUPP: return Fallback::install_eopnotsupp;
    case EPERM: return Fallback::install_eperm;
    default: return Fallback::install_failed;
  }
}

}  // namespace sealgate
