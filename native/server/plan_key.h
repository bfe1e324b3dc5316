// PlanKey: the key of kept plans: the mount, the part of the target that the mount's answers depend on, and
// for answers that come in several content codings those that the client accepts. All HTTP versions build it
// with plan_key(). The target is used as sent: nothing is decoded, merged or reordered, so that targets with
// one key are one target to the application.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "server/mounts.h"

namespace sealgate {

struct PlanKey {
  uint32_t mount = 0;
  uint32_t codings = 0;  // accepted_codings() of the request; 0: its answers have one coding
  std::string_view text;

  bool operator==(const PlanKey&) const = default;
};

struct PlanKeyHash {
  KeyedHash hash;
  uint64_t operator()(const PlanKey& key) const {
    return hash(uint64_t{key.codings} << 32 | key.mount, key.text);
  }
};

// The key of an answer in one coding. It has the path and those query parameters that the mount names. A
// parameter whose name contains an encoded character may be another spelling of one of them, so it is
// included. `memory` holds the text when it is no contiguous part of the target.
PlanKey plan_key(const Mount& mount, std::string_view target, std::string& memory);

}  // namespace sealgate
