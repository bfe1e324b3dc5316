#include "server/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/crc.h"
#include "base/text.h"
#include "server/address_prefix.h"

namespace sealgate {
namespace {

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

size_t size_at(std::string_view text, size_t at) {
  return static_cast<size_t>(byte_at(text, at)) << 8 | byte_at(text, at + 1);
}

// --- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"

constexpr std::string_view kSignature1 = "PROXY ";
constexpr size_t kMaxLine = 107;

bool is_port(std::string_view text) {
  unsigned port = 0;
  if (text.empty() || text.size() > 5 || (text[0] == '0' && text.size() > 1)) return false;
  return read_number(text, &port) && port <= 65'535;
}

// Takes the text up to the next blank.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

bool read_line(std::string_view line, std::string* client) {
  // A blank at the end would be an empty word behind the last.
  if (line.ends_with(' ')) return false;
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return true;
  if (family != "TCP4" && family != "TCP6") return false;
  in6_addr source{}, target{};
  for (in6_addr* const address : {&source, &target}) {
    bool is_v4 = false;
    if (!parse_address(take_word(line), address, &is_v4) || is_v4 != (family == "TCP4")) return false;
  }
  const std::string_view from = take_word(line), to = take_word(line);
  if (!is_port(from) || !is_port(to) || !line.empty()) return false;
  *client = address_text(source);
  return true;
}

ProxyReading read_version_1(std::string_view arrived, ProxyHeader* out) {
  const std::string_view line = arrived.substr(0, kMaxLine);
  const size_t end = line.find("\r\n");
  if (end == line.npos) return line.size() < kMaxLine ? ProxyReading::partial : ProxyReading::malformed;
  out->bytes = end + 2;
  const std::string_view said = line.substr(kSignature1.size(), end - kSignature1.size());
  return read_line(said, &out->client) ? ProxyReading::whole : ProxyReading::malformed;
}

// --- version 2, in binary ---

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixedBytes = 16;  // signature, version and command, family, length of the rest
constexpr uint8_t kLocal = 0x20, kProxy = 0x21;
constexpr uint8_t kChecksum = 0x03;  // type of a TLV: CRC32C of the header, which it counts as zeros

struct Family {
  uint8_t code;
  size_t block;    // bytes of both addresses and ports
  size_t address;  // bytes of an address; 0: it is no IP address
};
constexpr std::array kFamilies = {Family{0x00, 0, 0}, Family{0x11, 12, 4}, Family{0x21, 36, 16},
                                  Family{0x31, 216, 0}};

// Null: none that a connection of TCP or of a Unix socket can have.
const Family* family_of(uint8_t code) {
  const auto* const found =
      std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& each) { return each.code == code; });
  return found == kFamilies.end() ? nullptr : found;
}

bool is_checksum(std::string_view header, size_t at) {
  constexpr char kZeros[4] = {};
  uint32_t crc = crc32c(0, header.data(), at);
  crc = crc32c(crc, kZeros, sizeof kZeros);
  crc = crc32c(crc, header.data() + at + sizeof kZeros, header.size() - at - sizeof kZeros);
  return crc == (static_cast<uint32_t>(size_at(header, at)) << 16 | size_at(header, at + 2));
}

// What follows the addresses is passed over; a checksum has to be right.
bool read_tlvs(std::string_view header, size_t at) {
  constexpr size_t kHead = 3;
  bool checked = false;
  while (at < header.size()) {
    if (header.size() - at < kHead) return false;
    const size_t size = size_at(header, at + 1);
    if (header.size() - at - kHead < size) return false;
    if (byte_at(header, at) == kChecksum) {
      // It is read once, since each costs as much as the header is long.
      if (checked || size != 4 || !is_checksum(header, at + kHead)) return false;
      checked = true;
    }
    at += kHead + size;
  }
  return true;
}

std::string client_in(std::string_view header, const Family& family) {
  in6_addr address{};
  if (family.address == sizeof address) {
    std::memcpy(&address, header.data() + kFixedBytes, sizeof address);
  } else {
    in_addr v4{};
    std::memcpy(&v4, header.data() + kFixedBytes, sizeof v4);
    address = mapped_address(v4);
  }
  return address_text(address);
}

ProxyReading read_version_2(std::string_view arrived, ProxyHeader* out) {
  const size_t command_at = kSignature2.size(), family_at = command_at + 1, length_at = family_at + 1;
  if (arrived.size() <= command_at) return ProxyReading::partial;
  const uint8_t command = byte_at(arrived, command_at);
  if (command != kLocal && command != kProxy) return ProxyReading::malformed;
  if (arrived.size() < kFixedBytes) return ProxyReading::partial;
  const size_t rest = size_at(arrived, length_at);
  out->bytes = kFixedBytes + rest;
  if (out->bytes > kMaxProxyHeader) return ProxyReading::malformed;
  // Of a connection of the proxy's own, nothing that follows means anything.
  const Family* const family = command == kLocal ? kFamilies.data() : family_of(byte_at(arrived, family_at));
  if (!family || rest < family->block) return ProxyReading::malformed;
  if (arrived.size() < out->bytes) return ProxyReading::partial;
  if (family->block == 0) return ProxyReading::whole;
  const std::string_view header = arrived.substr(0, out->bytes);
  if (!read_tlvs(header, kFixedBytes + family->block)) return ProxyReading::malformed;
  if (family->address > 0) out->client = client_in(header, *family);
  return ProxyReading::whole;
}

}  // namespace

ProxyReading read_proxy_header(std::string_view arrived, ProxyHeader* out) {
  *out = {};
  if (arrived.starts_with(kSignature1)) return read_version_1(arrived, out);
  if (arrived.starts_with(kSignature2)) return read_version_2(arrived, out);
  const bool may_become = kSignature1.starts_with(arrived) || kSignature2.starts_with(arrived);
  return may_become ? ProxyReading::partial : ProxyReading::malformed;
}

std::string_view proxy_outcome_name(ProxyOutcome outcome) {
  switch (outcome) {
    case ProxyOutcome::client: return "client";
    case ProxyOutcome::own: return "own";
    case ProxyOutcome::stranger: return "stranger";
    case ProxyOutcome::malformed: return "malformed";
    case ProxyOutcome::late: return "late";
    case ProxyOutcome::cut: return "cut";
    case ProxyOutcome::count_: break;
  }
  return "";
}

}  // namespace sealgate
