#include "server/request_id.h"

#include <openssl/rand.h>

#include <algorithm>

#include "http/field_lines.h"

namespace sealgate {
namespace {

constexpr size_t kMaxGivenId = 128;

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxGivenId &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

// OpenSSL's random generator fails only when the system has no randomness, and then TLS fails as well.
RequestIds::RequestIds() { RAND_bytes(reinterpret_cast<unsigned char*>(&tag_), sizeof tag_); }

std::string_view given_request_id(std::string_view head) {
  const std::string_view given = first_value(head, "x-request-id");
  return is_request_id(given) ? given : std::string_view();
}

}  // namespace sealgate
