// ConnectionInfo: what an operator may see of one live connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tls/ktls_mode.h"

namespace sealgate {

struct ConnectionInfo {
  std::string peer, server_name;
  size_t listener = 0;
  std::string_view state, group;
  std::string suite;                // "TLSv1.3/AES-128-GCM"
  std::string_view owners[2];       // by Direction: "openssl", "engine", "kernel"; empty: plaintext
  std::string_view reasons[2];      // why not the kernel
  KtlsModes modes;                  // of what the kernel has
  double age = 0;                   // seconds
  uint64_t received = 0, sent = 0;  // bytes of bodies, and of heads and bodies
  double key_budget_used = 0;       // 0..1, of the direction that is further
};

}  // namespace sealgate
