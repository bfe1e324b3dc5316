// Credentials: what the client of a connection has shown, and the grants that this gives it. A token that
// was found is remembered, so that the next request with the same field costs a comparison instead of a
// hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/request.h"
#include "server/access.h"
#include "server/grants.h"
#include "server/signing_key.h"

namespace sealgate {

// The token in a field of Authorization, as src/sites/authorize.ts reads it; empty when there is none. It is
// that of "Bearer token" (RFC 6750 2.1), or the password of basic authentication (RFC 7617 2), with any user
// name. Of a password in a field of more than kMaxBasicBytes only the application hears.
constexpr size_t kMaxBasicBytes = 256;
std::string shown_token(std::string_view authorization);

// The grants of one request. Plans that need none may always be used. Valid as long as the table in which
// they were found.
struct Held {
  const Grants* by_certificate = nullptr;
  const Grants* by_token = nullptr;
  const Grants* by_signature = nullptr;

  bool any() const {
    return by_signature || (by_certificate && by_certificate->any()) || (by_token && by_token->any());
  }
  bool has(const Grant& grant) const {
    return grant.empty() || (by_token && by_token->has(grant)) ||
           (by_certificate && by_certificate->has(grant)) || (by_signature && by_signature->has(grant));
  }
};

class Credentials {
 public:
  // @param authorization value of the field; empty when it is absent.
  // @param subject subject of the client's verified certificate; empty without one.
  // @param now seconds since the epoch.
  Held held(const GrantTable& table, std::string_view authorization, const std::string& subject, int64_t now);

  // What a request is by the access rule of its mount. Its grants come from elsewhere. The verdict on the
  // connection's address is remembered, and so is the last signature that was right: a further URL that is
  // signed alike costs a comparison.
  struct Visit {
    std::string_view target;
    size_t site_path;  // bytes of the target that are the mount's path
    Method method;
    std::string_view peer;  // numeric address of the client
    bool forwarded;         // that is not the connection's, and the next request's may be another
    int64_t now;            // seconds since the epoch
  };
  // @param table null: there are no keys.
  Admission judge(const Access& access, const GrantTable* table, const Visit& visit);

 private:
  // Longer fields are read and hashed each time: our own tokens are shorter.
  static constexpr size_t kMaxRemembered = 256;

  struct Shown {
    uint64_t table = 0;  // serial of the table in which the token was found
    std::string authorization;
    const GrantTable::Token* token = nullptr;
  };
  const GrantTable::Token* token(const GrantTable& table, std::string_view authorization);
  Admission judge_signature(const Signing& signing, const GrantTable* table, const Visit& visit);

  // A longer text is signed each time.
  static constexpr size_t kMaxProven = 1024;
  struct Proven {
    uint64_t table = 0;
    const SigningKey* key = nullptr;
    std::string text;
    SignatureText signature{};
  };
  bool proves(const GrantTable& table, const SigningKey& key, std::string text, std::string_view signature);

  std::unique_ptr<Proven> proven_;  // the last signature that was right; null on most connections
  uint64_t judged_ = 0;             // serial of the rule by which the address was judged last; 0: none
  bool admitted_ = false;           // what came of it
  std::unique_ptr<Shown> shown_;  // the last token that was found; null on most connections, which show none
};

}  // namespace sealgate
