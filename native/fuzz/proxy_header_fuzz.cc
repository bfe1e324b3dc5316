// Fuzzes the header by which a proxy says whose a connection is. Input: the first bytes of a connection. What
// is found in them does not depend on how many have arrived.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <algorithm>

#include "server/address_prefix.h"
#include "server/proxy_header.h"

namespace sealgate {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "proxy_header_fuzz: %s\n", what);
  std::abort();
}

void judge(const ProxyHeader& header, std::string_view bytes) {
  must(header.bytes > 0 && header.bytes <= std::min(bytes.size(), kMaxProxyHeader), "a header has a size");
  in6_addr address{};
  bool is_v4 = false;
  must(header.client.empty() || parse_address(header.client, &address, &is_v4), "a client has an address");
  must(header.client.empty() || address_text(address) == header.client, "there is one text of an address");
}

}  // namespace
}  // namespace sealgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  using namespace sealgate;
  const std::string_view bytes(reinterpret_cast<const char*>(input), size);
  ProxyHeader last;
  ProxyReading found = ProxyReading::partial;
  for (size_t arrived = 0; arrived <= size; arrived++) {
    ProxyHeader header;
    const ProxyReading reading = read_proxy_header(bytes.substr(0, arrived), &header);
    if (found == ProxyReading::partial) {
      must(arrived < kMaxProxyHeader || reading != ProxyReading::partial, "a header has an end");
      must(reading != ProxyReading::whole || header.bytes == arrived, "it is whole at its last byte");
    } else {
      must(reading == found, "what follows changes nothing");
      must(reading != ProxyReading::whole || (header.bytes == last.bytes && header.client == last.client),
           "what follows changes no client");
    }
    if (reading == ProxyReading::whole) judge(header, bytes);
    found = reading;
    last = header;
  }
  return 0;
}
