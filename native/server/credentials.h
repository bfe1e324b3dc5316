// Credentials: what the client of a connection has shown, and what that gives it. The same field as in the
// request before is compared and not hashed again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/grants.h"

namespace sealgate {

// The token of "Bearer token" (RFC 6750 2.1), as src/sites/authorize.ts reads it; empty when there is none.
std::string_view bearer_token(std::string_view authorization);

// What a request may be answered from: plans that need nothing, and those that its credentials give. Holds as
// long as the table that it was found in.
struct Held {
  const Grants* by_certificate = nullptr;
  const Grants* by_token = nullptr;

  bool any() const { return (by_certificate && by_certificate->any()) || (by_token && by_token->any()); }
  bool has(const Grant& grant) const {
    return grant.empty() || (by_token && by_token->has(grant)) ||
           (by_certificate && by_certificate->has(grant));
  }
};

class Credentials {
 public:
  // @param authorization the value of the field; empty: there is none.
  // @param subject of the client's certificate, which was verified; empty: it has shown none.
  // @param now seconds since the epoch.
  Held held(const GrantTable& table, std::string_view authorization, const std::string& subject, int64_t now);

 private:
  // Longer fields, which no token of ours needs, are hashed each time.
  static constexpr size_t kMaxRemembered = 256;

  struct Shown {
    uint64_t table = 0;  // by its serial
    std::string authorization;
    const GrantTable::Token* token = nullptr;
  };
  const GrantTable::Token* token(const GrantTable& table, std::string_view authorization);

  std::unique_ptr<Shown> shown_;  // the last one that was known; most connections show none
};

}  // namespace sealgate
