// Access: who a mount serves, besides the scopes of tokens and certificates: by address, and by signed URLs.
// It is judged for each request before a kept plan is looked up. A rule never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/address_prefix.h"
#include "server/grants.h"

namespace sealgate {

// What a request is by the access rule of its mount.
enum class Admission : uint8_t {
  open,       // nothing is against it
  is_signed,  // its URL has a signature that counts
  address_denied,
  signature_missing,
  signature_invalid,
  signature_expired,
  rate_limited,
};

// Empty, "signed", or the name that src/errors.ts has for the refusal.
std::string_view admission_name(Admission admission);
inline bool refuses(Admission admission) { return admission > Admission::is_signed; }

// The fields are those of src/native/mounts.ts.
struct Signing {
  struct Key {
    std::string id;    // as URLs name it
    std::string name;  // as the grant table names it
  };
  std::string site;  // host and path of the site, as its signatures say it
  bool required = false;
  Grants grants;  // what a signature gives
  std::vector<Key> keys;

  // Null: no key has this id.
  const Key* key(std::string_view id) const;
};

class Access {
 public:
  Access(std::vector<AddressPrefix> allow, std::vector<AddressPrefix> deny,
         std::unique_ptr<const Signing> signing);
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Unique among the rules of this process; never 0.
  uint64_t serial() const { return serial_; }
  bool lists_addresses() const { return !allow_.empty() || !deny_.empty(); }
  // Denied networks come first; where some are allowed, all others are denied.
  // @param peer a numeric address, or kUnixPeer. What cannot be read is denied.
  bool admits(std::string_view peer) const;
  // Null: URLs are not signed.
  const Signing* signing() const { return signing_.get(); }

 private:
  const uint64_t serial_;
  const std::vector<AddressPrefix> allow_, deny_;
  const std::unique_ptr<const Signing> signing_;
};

}  // namespace sealgate
