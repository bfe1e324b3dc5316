#include "tls/net_device.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <string_view>

#include "base/fd.h"

namespace sealgate {
namespace {

constexpr uint32_t kMaxStrings = 16 * 1024;  // more than any driver has

class Ethtool {
 public:
  Ethtool(int socket, const std::string& name) : socket_(socket) {
    name.copy(request_.ifr_name, IFNAMSIZ - 1);
  }

  bool call(void* argument) {
    request_.ifr_data = static_cast<char*>(argument);
    return ::ioctl(socket_, SIOCETHTOOL, &request_) == 0;
  }

  bool up() { return ::ioctl(socket_, SIOCGIFFLAGS, &request_) == 0 && (request_.ifr_flags & IFF_UP) != 0; }

  // The names of a string set, in the order of the values.
  std::vector<std::string> names(ethtool_stringset set) {
    const auto info_room = buffer(sizeof(ethtool_sset_info) + sizeof(uint32_t));
    auto* info = reinterpret_cast<ethtool_sset_info*>(info_room.get());
    info->cmd = ETHTOOL_GSSET_INFO;
    info->sset_mask = 1ULL << set;
    if (!call(info) || info->sset_mask == 0 || info->data[0] > kMaxStrings) return {};
    const uint32_t count = info->data[0];
    const auto room = buffer(sizeof(ethtool_gstrings) + size_t{count} * ETH_GSTRING_LEN);
    auto* strings = reinterpret_cast<ethtool_gstrings*>(room.get());
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = set;
    strings->len = count;
    if (!call(strings)) return {};
    std::vector<std::string> out;
    for (uint32_t i = 0; i < strings->len; i++) {
      const char* text = reinterpret_cast<const char*>(strings->data) + size_t{i} * ETH_GSTRING_LEN;
      out.emplace_back(text, ::strnlen(text, ETH_GSTRING_LEN));
    }
    return out;
  }

  static std::unique_ptr<uint64_t[]> buffer(size_t bytes) {
    return std::make_unique<uint64_t[]>((bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
  }

 private:
  int socket_;
  ifreq request_{};
};

Feature feature_of(const ethtool_get_features_block& block, uint32_t bit) {
  const bool on = (block.active & bit) != 0;
  const bool changeable = (block.available & bit) != 0 && (block.never_changed & bit) == 0;
  if (changeable) return on ? Feature::on : Feature::off;
  return on ? Feature::fixed_on : Feature::fixed_off;
}

void read_features(Ethtool& ethtool, NetDevice* device) {
  const std::vector<std::string> names = ethtool.names(ETH_SS_FEATURES);
  const size_t blocks = (names.size() + 31) / 32;
  const auto room = Ethtool::buffer(sizeof(ethtool_gfeatures) + blocks * sizeof(ethtool_get_features_block));
  auto* features = reinterpret_cast<ethtool_gfeatures*>(room.get());
  features->cmd = ETHTOOL_GFEATURES;
  features->size = static_cast<uint32_t>(blocks);
  if (names.empty() || !ethtool.call(features)) return;
  for (size_t i = 0; i < names.size(); i++) {
    const Feature feature = feature_of(features->features[i / 32], 1u << (i % 32));
    if (names[i] == "tls-hw-tx-offload") device->tx_offload = feature;
    if (names[i] == "tls-hw-rx-offload") device->rx_offload = feature;
    if (names[i] == "tls-hw-record") device->record = feature;
  }
}

void read_statistics(Ethtool& ethtool, NetDevice* device) {
  const std::vector<std::string> names = ethtool.names(ETH_SS_STATS);
  const auto room = Ethtool::buffer(sizeof(ethtool_stats) + names.size() * sizeof(uint64_t));
  auto* stats = reinterpret_cast<ethtool_stats*>(room.get());
  stats->cmd = ETHTOOL_GSTATS;
  stats->n_stats = static_cast<uint32_t>(names.size());
  if (names.empty() || !ethtool.call(stats)) return;
  for (size_t i = 0; i < names.size(); i++) {
    if (names[i].find("tls") != std::string::npos) device->tls_statistics[names[i]] = stats->data[i];
  }
}

}  // namespace

const char* feature_name(Feature feature) {
  switch (feature) {
    case Feature::absent: return "absent";
    case Feature::off: return "off";
    case Feature::on: return "on";
    case Feature::fixed_off: return "off [fixed]";
    case Feature::fixed_on: return "on [fixed]";
  }
  return "";
}

Status net_devices(std::vector<NetDevice>* out) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Status::last("socket");
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(::if_nameindex(),
                                                                                 ::if_freenameindex);
  if (!all) return Status::last("if_nameindex");
  for (const struct if_nameindex* each = all.get(); each->if_index != 0; each++) {
    NetDevice device;
    device.name = each->if_name;
    Ethtool ethtool(socket.get(), device.name);
    ethtool_drvinfo driver{};
    driver.cmd = ETHTOOL_GDRVINFO;
    if (ethtool.call(&driver))
      device.driver.assign(driver.driver, ::strnlen(driver.driver, sizeof driver.driver));
    read_features(ethtool, &device);
    read_statistics(ethtool, &device);
    device.up = Ethtool(socket.get(), device.name).up();
    out->push_back(std::move(device));
  }
  return {};
}

}  // namespace sealgate
