#include "server/mounts.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sealgate {
namespace {

// The longest host name (RFC 1035 2.3.4). A longer one belongs to no mount; comparing it with each suffix
// would take time quadratic in its length.
constexpr size_t kMaxHost = 255;
using HostBuffer = std::array<char, kMaxHost>;

// Normalizes a host for comparison: lower case, without the port and without the trailing dot of the root.
std::string_view host_of(std::string_view authority, HostBuffer& lower) {
  const size_t colon = authority.rfind(':');
  if (colon != authority.npos && authority.find_first_not_of("0123456789", colon + 1) == authority.npos)
    authority = authority.substr(0, colon);
  authority = without_root(authority);
  if (authority.size() > lower.size()) return {};
  std::transform(authority.begin(), authority.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return {lower.data(), authority.size()};
}

}  // namespace

MountTable::MountTable(std::vector<Mount> mounts) : mounts_(std::move(mounts)) {
  ByPath order;
  for (Mount& mount : mounts_) {
    mount.guarded = mount.guarded || mount.access;
    order.push_back(&mount);
    ids_.emplace(mount.id, &mount);
    says_cache_status_ = says_cache_status_ || mount.cache_status;
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Mount* a, const Mount* b) { return a->path.size() > b->path.size(); });
  for (const Mount* mount : order) {
    if (mount->host == "*") {
      everywhere_.push_back(mount);
    } else if (mount->host.starts_with("*.")) {
      suffixes_[mount->host.substr(1)].push_back(mount);
    } else {
      names_[mount->host].push_back(mount);
    }
  }
  if (mounts_.size() == 1 && everywhere_.size() == 1 && mounts_.front().path == "/") only_ = &mounts_.front();
}

std::shared_ptr<const MountTable> MountTable::guarded() const {
  std::vector<Mount> all = mounts_;
  for (Mount& mount : all) mount.guarded = true;
  return std::make_shared<const MountTable>(std::move(all));
}

const Mount* MountTable::search(std::string_view authority, std::string_view target) const {
  const std::string_view path = target == "*" ? "/" : target;
  if (!names_.empty() || !suffixes_.empty()) {
    HostBuffer lower;
    const std::string_view host = host_of(authority, lower);
    if (const Mount* found = covering(names_, host, path)) return found;
    if (!suffixes_.empty()) {
      // Tries the longest suffix first. At least one character must precede its dot.
      for (size_t dot = host.find('.', 1); dot != host.npos; dot = host.find('.', dot + 1)) {
        if (const Mount* found = covering(suffixes_, host.substr(dot), path)) return found;
      }
    }
  }
  return covering(everywhere_, path);
}

const Mount* MountTable::covering(const ByHost& mounts, std::string_view host, std::string_view path) {
  const auto found = mounts.find(host);
  return found == mounts.end() ? nullptr : covering(found->second, path);
}

const Mount* MountTable::covering(const ByPath& mounts, std::string_view path) {
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const Mount* mount) { return path.starts_with(mount->path); });
  return found == mounts.end() ? nullptr : *found;
}

}  // namespace sealgate
