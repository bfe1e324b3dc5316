#include "server/access.h"

#include <algorithm>
#include <atomic>

namespace sealgate {
namespace {

constexpr unsigned kMappedBits = 96;

uint64_t next_serial() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

bool lists(const std::vector<AddressPrefix>& networks, const in6_addr& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const AddressPrefix& each) { return network_holds(each, address); });
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
  if (!parse_address(peer, &address, &is_v4)) return false;
  return !lists(deny_, address) && (allow_.empty() || lists(allow_, address));
}

bool any_network_holds(const std::vector<AddressPrefix>& networks, std::string_view peer) {
  in6_addr address{};
  bool is_v4 = false;
  return !networks.empty() && parse_address(peer, &address, &is_v4) && lists(networks, address);
}

bool network_holds(const AddressPrefix& network, const in6_addr& address) {
  const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&address);
  return (network.bits >= kMappedBits || !is_v4) && network.holds(address);
}

}  // namespace sealgate
