// ContentCoding: how the bytes of a representation are coded (RFC 9110 8.4.1).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sealgate {

// In the order in which a server prefers them. br: RFC 7932. zstd: RFC 8878, with the window that RFC 9659
// allows. gzip: RFC 1952.
enum class ContentCoding : uint8_t { br, zstd, gzip, count_ };

constexpr size_t kContentCodings = static_cast<size_t>(ContentCoding::count_);
constexpr std::array<std::string_view, kContentCodings> kContentCodingNames = {"br", "zstd", "gzip"};

}  // namespace sealgate
