// PROXY headers: whose a connection is, and what is no header.
#include "server/proxy_header.h"

#include <doctest/doctest.h>

#include <string>

#include "base/crc.h"

namespace sealgate {
namespace {

using std::string_literals::operator""s;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string number(size_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

// A header of version 2.
std::string binary(uint8_t command, uint8_t family, const std::string& rest) {
  std::string out(kSignature);
  out.push_back(static_cast<char>(command));
  out.push_back(static_cast<char>(family));
  return out + number(rest.size()) + rest;
}

std::string tlv(uint8_t type, const std::string& value) {
  return static_cast<char>(type) + number(value.size()) + value;
}

const std::string kV4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01"s + number(4242) + number(443);
const std::string kV6 =
    "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x09" + std::string(16, '\1') + number(4242) + number(443);

// Whose the connection is that begins with these bytes: an address, "own", "partial" or "malformed".
std::string client(const std::string& bytes) {
  ProxyHeader header;
  switch (read_proxy_header(bytes, &header)) {
    case ProxyReading::partial: return "partial";
    case ProxyReading::malformed: return "malformed";
    case ProxyReading::whole: break;
  }
  CHECK(header.bytes <= bytes.size());
  return header.client.empty() ? "own" : header.client;
}

// A header of version 2 for IPv4 whose checksum is made right or wrong.
std::string checked(uint32_t wrong_by, const std::string& more = "") {
  std::string header = binary(0x21, 0x11, kV4 + tlv(4, "noop") + tlv(3, std::string(4, '\0')) + more);
  const size_t at = header.size() - more.size() - 4;
  const uint32_t crc = crc32c(0, header.data(), header.size()) + wrong_by;
  return header.replace(at, 4, number(crc >> 16) + number(crc & 0xffff));
}

TEST_CASE("headers of both versions say the client, and how long they are") {
  const struct {
    std::string header;
    const char* client;
  } each[] = {
      {"PROXY TCP4 192.0.2.7 198.51.100.1 4242 443\r\n", "192.0.2.7"},
      {"PROXY TCP6 2001:db8::9 2001:db8::1 0 65535\r\n", "2001:db8::9"},
      {"PROXY TCP6 2001:DB8:0:0::9 ::1 1 1\r\n", "2001:db8::9"},
      {"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n", "192.0.2.7"},
      {"PROXY UNKNOWN\r\n", "own"},
      {"PROXY UNKNOWN what ever\r\n", "own"},
      {binary(0x21, 0x11, kV4), "192.0.2.7"},
      {binary(0x21, 0x21, kV6), "2001:db8::9"},
      {binary(0x21, 0x31, std::string(216, 'u')), "own"},
      {binary(0x21, 0x00, ""), "own"},
      {binary(0x21, 0x00, "what ever"), "own"},
      {binary(0x20, 0x00, ""), "own"},
      {binary(0x20, 0x11, kV4), "own"},
      {binary(0x20, 0xff, "no family at all"), "own"},
      {binary(0x21, 0x11, kV4 + tlv(1, "h2") + tlv(2, "a.test") + tlv(0x20, "\1\0\0\0\0"s)), "192.0.2.7"},
      {binary(0x21, 0x11, kV4 + tlv(0xee, std::string(4000, 'x'))), "192.0.2.7"},
      {checked(0), "192.0.2.7"},
  };
  for (const auto& [header, expected] : each) {
    CAPTURE(header);
    CHECK(client(header) == expected);
    ProxyHeader read;
    CHECK(read_proxy_header(header + "GET / HTTP/1.1\r\n", &read) == ProxyReading::whole);
    CHECK(read.bytes == header.size());
    for (size_t size = 0; size < header.size(); size++) CHECK(client(header.substr(0, size)) == "partial");
  }
}

TEST_CASE("what is no header of version 1 is refused, at its first byte that does not fit") {
  for (const std::string text : {
           "G",
           "\x16",
           "PROXZ",
           "PROXY\t",
           "proxy ",
           "GET / HTTP/1.1\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 4242\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 4242 443 \r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 4242 443 1\r\n",
           "PROXY TCP4  192.0.2.7 198.51.100.1 4242 443\r\n",
           "PROXY  TCP4 192.0.2.7 198.51.100.1 4242 443\r\n",
           "PROXY TCP4 192.0.2.07 198.51.100.1 4242 443\r\n",
           "PROXY TCP4 192.0.2 198.51.100.1 4242 443\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 04242 443\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n",
           "PROXY TCP4 192.0.2.7 198.51.100.1 +1 443\r\n",
           "PROXY TCP4 2001:db8::9 2001:db8::1 1 1\r\n",
           "PROXY TCP6 192.0.2.7 198.51.100.1 1 1\r\n",
           "PROXY TCP6 2001:db8::9%lo ::1 1 1\r\n",
           "PROXY TCP5 192.0.2.7 198.51.100.1 1 1\r\n",
           "PROXY UDP4 192.0.2.7 198.51.100.1 1 1\r\n",
           "PROXY UNKNOWNS\r\n",
           "PROXY \r\n",
       }) {
    CAPTURE(text);
    CHECK(client(text) == "malformed");
  }
  CHECK(client("PROXY TCP4 192.0.2.7\0x 198.51.100.1 1 1\r\n"s) == "malformed");
}

TEST_CASE("a line of version 1 has at most 107 bytes") {
  const std::string begin = "PROXY UNKNOWN ";
  CHECK(client(begin + std::string(105 - begin.size(), 'x') + "\r\n") == "own");
  CHECK(client(begin + std::string(106 - begin.size(), 'x') + "\r\n") == "malformed");
  CHECK(client(begin + std::string(106 - begin.size(), 'x')) == "partial");
  CHECK(client(begin + std::string(107 - begin.size(), 'x')) == "malformed");
  CHECK(client("PROXY TCP4 192.0.2.7 198.51.100.1 1 1\n" + std::string(100, 'x')) == "malformed");
}

TEST_CASE("what is no header of version 2 is refused before it has arrived, as soon as that is seen") {
  CHECK(client("\r\n\r\r") == "malformed");
  CHECK(client(std::string(kSignature) + "\x11") == "malformed");  // the version
  CHECK(client(std::string(kSignature) + "\x22") == "malformed");  // the command
  for (const uint8_t family : {0x01, 0x10, 0x12, 0x13, 0x22, 0x32, 0x41, 0xff}) {
    CAPTURE(family);
    CHECK(client(binary(0x21, family, "").substr(0, 14) + number(400)) == "malformed");
  }
  CHECK(client(binary(0x21, 0x11, kV4.substr(1))) == "malformed");
  CHECK(client(binary(0x21, 0x21, kV4)) == "malformed");
  CHECK(client(binary(0x21, 0x31, kV6)) == "malformed");
  CHECK(client(binary(0x20, 0x00, "").substr(0, 14) + number(kMaxProxyHeader - 15)) == "malformed");
  CHECK(client(binary(0x20, 0x00, std::string(kMaxProxyHeader - 16, 'x'))) == "own");
}

TEST_CASE("TLVs stay inside the header, and a checksum is right and there once") {
  CHECK(client(binary(0x21, 0x11, kV4 + "\x01")) == "malformed");
  CHECK(client(binary(0x21, 0x11, kV4 + "\x01\x00"s)) == "malformed");
  CHECK(client(binary(0x21, 0x11, kV4 + "\x01\x00\x03h2"s)) == "malformed");
  CHECK(client(binary(0x21, 0x11, kV4 + "\x01\xff\xffh2"s) + std::string(70'000, 'x')) == "malformed");
  CHECK(client(binary(0x21, 0x11, kV4 + tlv(3, "abc"))) == "malformed");
  CHECK(client(binary(0x21, 0x11, kV4 + tlv(3, "abcde"))) == "malformed");
  CHECK(client(checked(1)) == "malformed");
  CHECK(client(checked(0x10000)) == "malformed");
  CHECK(client(checked(0, tlv(4, "behind it"))) == "192.0.2.7");
  CHECK(client(checked(0, tlv(3, "abcd"))) == "malformed");
}

}  // namespace
}  // namespace sealgate
