// NetDevice: a network device's TLS features and statistics, read with the ethtool ioctl (linux/ethtool.h,
// Documentation/networking/tls-offload.rst).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace sealgate {

enum class Feature : uint8_t { absent, off, on, fixed_off, fixed_on };

struct NetDevice {
  std::string name, driver;  // driver: empty when the device has none to speak of
  bool up = false;
  Feature tx_offload = Feature::absent;  // tls-hw-tx-offload
  Feature rx_offload = Feature::absent;  // tls-hw-rx-offload
  Feature record = Feature::absent;      // tls-hw-record
  std::map<std::string, uint64_t> tls_statistics;
};

const char* feature_name(Feature feature);  // "off [fixed]", as ethtool(8) shows it

// Lists the devices of this network namespace. Values that a device does not report keep their defaults.
Status net_devices(std::vector<NetDevice>* out);

}  // namespace sealgate
