#include "store/evidence.h"

#include <charconv>

namespace sealgate {
namespace {

constexpr std::string_view kImmutable = " immutable";
constexpr std::string_view kVerity = " verity:";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_digest(std::string_view text, VerityDigest* out) {
  if (text.size() != 2 * out->size()) return false;
  for (size_t i = 0; i < out->size(); i++) {
    const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*out)[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

bool read_hold(std::string_view text, Evidence* out) {
  if (text.empty()) return true;
  if (text == kImmutable) {
    out->hold = Hold::immutable;
    return true;
  }
  if (!text.starts_with(kVerity)) return false;
  out->hold = Hold::verity;
  return read_digest(text.substr(kVerity.size()), &out->verity);
}

}  // namespace

Evidence::Evidence(std::string_view text) {
  const char* const end = text.data() + text.size();
  const auto read = [&end](const char* from, auto& value, char behind) {
    const auto [to, error] = std::from_chars(from, end, value);
    return error == std::errc() && to != end && *to == behind ? to + 1 : end;
  };
  const char* at = read(text.data(), inode, ':');
  at = read(at, seconds, '.');
  const char* const behind = std::from_chars(at, end, nanoseconds).ptr;
  if (at == end || behind == at || !read_hold({behind, end}, this)) *this = {};
}

Evidence::Evidence(const struct stat& st)
    : inode(st.st_ino), seconds(st.st_ctim.tv_sec), nanoseconds(st.st_ctim.tv_nsec) {}

bool Evidence::fits(const struct stat& st) const {
  return inode == st.st_ino && seconds == st.st_ctim.tv_sec && nanoseconds == st.st_ctim.tv_nsec;
}

std::string Evidence::text() const {
  std::string out = std::to_string(inode) + ":" + std::to_string(seconds) + "." + std::to_string(nanoseconds);
  if (hold == Hold::immutable) out.append(kImmutable);
  if (hold != Hold::verity) return out;
  out.append(kVerity);
  constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : verity) out.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return out;
}

std::string evidence_of(const struct stat& st) { return Evidence(st).text(); }

}  // namespace sealgate
