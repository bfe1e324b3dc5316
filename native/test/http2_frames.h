// Frames of HTTP/2 as a client sends them (RFC 9113 4), and a reactor that takes them in the clear.
#pragma once

#include <cstdint>
#include <string>

#include "server/reactor.h"
#include "test/served.h"

namespace sealgate::http2 {

inline std::string number32(uint32_t value) {
  std::string out(4, '\0');
  for (int i = 0; i < 4; i++) out[static_cast<size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
  return out;
}

inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload = {}) {
  std::string out = number32(static_cast<uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out + number32(stream) + payload;
}

// A literal without indexing (RFC 7541 6.2.2).
inline std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) +
         value;
}

inline std::string head(const std::string& method, const std::string& path) {
  return field(":method", method) + field(":scheme", "http") + field(":path", path) +
         field(":authority", "localhost");
}

inline constexpr uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kWindow = 8;
inline constexpr uint8_t kEndStream = 1, kEndHeaders = 4;

inline std::string preface() {
  return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(kSettings, 0, 0);
}

inline constexpr size_t kHeaderBytes = 9;

inline uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t out = 0;
  for (size_t i = at; i < at + 4; i++) out = out << 8 | static_cast<uint8_t>(bytes[i]);
  return out;
}

inline ReactorOptions in_the_clear() {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  for (RespondPlan& each : options.problems) each.status = 500;
  return options;
}

}  // namespace sealgate::http2
