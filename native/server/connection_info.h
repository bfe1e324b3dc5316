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
  std::string_view owners[2];       // by Direction: "openssl", "engine" or "kernel"; empty in plaintext
  std::string_view reasons[2];      // by Direction: why it is not the kernel
  KtlsModes modes;                  // who has the keys that were given to the kernel
  double age = 0;                   // seconds
  uint64_t received = 0, sent = 0;  // bytes of request bodies; bytes of responses with their heads
  double key_budget_used = 0;       // 0..1, in the direction where it is higher
};

}  // namespace sealgate
