// Every network device is listed, the loopback among them, with what it offers for TLS.
#include "tls/net_device.h"

#include <algorithm>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

TEST_CASE("the loopback device is listed, with no TLS offload on") {
  std::vector<NetDevice> devices;
  REQUIRE(net_devices(&devices).ok());
  const auto loopback =
      std::find_if(devices.begin(), devices.end(), [](const NetDevice& each) { return each.name == "lo"; });
  REQUIRE(loopback != devices.end());
  CHECK(loopback->up);
  for (const Feature feature : {loopback->tx_offload, loopback->rx_offload, loopback->record}) {
    CHECK(feature != Feature::on);
    CHECK(feature != Feature::fixed_on);
  }
  CHECK(loopback->tls_statistics.empty());
}

}  // namespace
}  // namespace sealgate
