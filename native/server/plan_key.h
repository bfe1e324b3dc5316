// PlanKey: what kept plans are found by: the mount, and of the target what the mount's answers depend on. All
// versions of HTTP have it from plan_key(). The target counts as it was sent: nothing in it is decoded,
// merged or put in another order, so what is one key here is one target for the application.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "server/mounts.h"

namespace sealgate {

struct PlanKey {
  uint32_t mount = 0;
  std::string_view text;

  bool operator==(const PlanKey&) const = default;
};

struct PlanKeyHash {
  KeyedHash hash;
  uint64_t operator()(const PlanKey& key) const { return hash(key.mount, key.text); }
};

// The path, and those parameters of the query that the mount names. A parameter's name that has an encoded
// letter may be another spelling of any of them, so it counts. `memory` holds the text where it is no part of
// the target.
PlanKey plan_key(const Mount& mount, std::string_view target, std::string& memory);

}  // namespace sealgate
