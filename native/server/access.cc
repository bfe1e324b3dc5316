#include "server/access.h"

#include <algorithm>
#include <atomic>

namespace sealgate {
namespace {

uint64_t next_serial() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

std::string_view admission_name(Admission admission) {
  switch (admission) {
    case Admission::open: break;
    case Admission::is_signed: return "signed";
    case Admission::address_denied: return "address-denied";
    case Admission::signature_missing: return "signature-missing";
    case Admission::signature_invalid: return "signature-invalid";
    case Admission::signature_expired: return "signature-expired";
    case Admission::rate_limited: break;  // the application is not asked
  }
  return "";
}

const Signing::Key* Signing::key(std::string_view id) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& each) { return each.id == id; });
  return found == keys.end() ? nullptr : &*found;
}

Access::Access(std::vector<AddressPrefix> allow, std::vector<AddressPrefix> deny,
               std::unique_ptr<const Signing> signing)
    : serial_(next_serial()),
      allow_(std::move(allow)),
      deny_(std::move(deny)),
      signing_(std::move(signing)) {}

bool Access::admits(std::string_view peer) const {
  in6_addr address{};
  bool is_v4 = false;
  if (peer == kUnixPeer)
    return !any_network_holds(deny_, peer) && (allow_.empty() || any_network_holds(allow_, peer));
  if (!parse_address(peer, &address, &is_v4)) return false;
  return !any_network_holds(deny_, address) && (allow_.empty() || any_network_holds(allow_, address));
}

}  // namespace sealgate
