#include "server/grants.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace sealgate {

bool Grants::has(std::string_view grant) const {
  return all || std::find(some.begin(), some.end(), grant) != some.end();
}

// OpenSSL's own SHA-256 fails only without memory, in which case nothing else would work either.
Sha256 sha256(std::string_view text) {
  Sha256 out{};
  EVP_Digest(text.data(), text.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

bool read_sha256(std::string_view hex, Sha256* out) {
  if (hex.size() != 2 * out->size()) return false;
  for (size_t i = 0; i < out->size(); i++) {
    const char* const at = hex.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, (*out)[i], 16);
    if (error != std::errc() || end != at + 2) return false;
  }
  return true;
}

GrantTable::GrantTable()
    : serial_([] {
        static std::atomic<uint64_t> last{0};
        return ++last;
      }()) {}

const GrantTable::Token* GrantTable::token(std::string_view presented) const {
  const auto found = tokens_.find(sha256(presented));
  return found == tokens_.end() ? nullptr : &found->second;
}

const Grants* GrantTable::subject(const std::string& name) const {
  const auto found = subjects_.find(name);
  return found == subjects_.end() ? nullptr : &found->second;
}

const SigningKey* GrantTable::key(const std::string& name) const {
  const auto found = keys_.find(name);
  return found == keys_.end() ? nullptr : found->second.get();
}

void GrantsInForce::replace(std::shared_ptr<const GrantTable> table, int64_t good_until) {
  const uint64_t serial = table->serial();
  table_.store(std::move(table));
  serial_.store(serial, std::memory_order_release);
  extend(good_until);
}

const GrantTable* GrantsInForce::Reader::table(int64_t now) {
  return now >= from_.good_until_.load(std::memory_order_acquire) ? nullptr : last();
}

const GrantTable* GrantsInForce::Reader::last() {
  if (!table_ || table_->serial() != from_.serial_.load(std::memory_order_acquire))
    table_ = from_.table_.load();
  return table_.get();
}

}  // namespace sealgate
