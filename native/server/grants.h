// Grants: what clients may read, as the application says (src/sites/grants.ts). A kept plan names the one
// grant that it needs, and answers only requests whose credentials give it. The table of what credentials
// give never changes: a new one replaces it as a whole, and reactors read the current one from
// GrantsInForce.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sealgate {

// The name of a scope, which the engine only compares. Empty: everybody has it.
using Grant = std::string;

struct Grants {
  bool all = false;
  std::vector<Grant> some;

  bool any() const { return all || !some.empty(); }
  bool has(std::string_view grant) const;
};

using Sha256 = std::array<unsigned char, 32>;
Sha256 sha256(std::string_view text);
// Reads a SHA-256 from 64 hex digits. False when the text is anything else.
bool read_sha256(std::string_view hex, Sha256* out);

class SigningKey;

class GrantTable {
 public:
  struct Token {
    Grants grants;
    int64_t expires;  // seconds since the epoch
  };
  GrantTable();
  GrantTable(const GrantTable&) = delete;
  GrantTable& operator=(const GrantTable&) = delete;

  // A second token with the same digest replaces the first.
  void add_token(const Sha256& digest, Token token) { tokens_.insert_or_assign(digest, std::move(token)); }
  void add_subject(std::string subject, Grants grants) {
    subjects_.insert_or_assign(std::move(subject), std::move(grants));
  }

  // A key that signs URLs, by the name that mounts have for it.
  void add_key(std::string name, std::shared_ptr<const SigningKey> key) {
    keys_.insert_or_assign(std::move(name), std::move(key));
  }

  // Unique among the tables of this process; never 0.
  uint64_t serial() const { return serial_; }
  // Null when the token is unknown. It may have expired. The time of the look-up can reveal only bits of
  // digests, which do not help to find a token.
  const Token* token(std::string_view presented) const;
  // The grants of a client whose verified certificate has this subject; null when it is not known.
  const Grants* subject(const std::string& name) const;
  // Null when there is no such key any more.
  const SigningKey* key(const std::string& name) const;

 private:
  struct HashDigest {
    size_t operator()(const Sha256& digest) const {
      size_t hash;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };

  const uint64_t serial_;
  std::unordered_map<Sha256, Token, HashDigest> tokens_;
  std::unordered_map<std::string, Grants> subjects_;
  std::unordered_map<std::string, std::shared_ptr<const SigningKey>> keys_;
};

// The current table of a process. It is valid only until the time that the application has set: if the
// application cannot check for changes any more, each request is sent to it instead.
class GrantsInForce {
 public:
  // Times are milliseconds of CLOCK_MONOTONIC. Once this has returned, no request is judged by an earlier
  // table.
  void replace(std::shared_ptr<const GrantTable> table, int64_t good_until);
  void extend(int64_t good_until) { good_until_.store(good_until, std::memory_order_release); }

  // A reactor's reference to the table. While the table stays the same, a look-up costs two comparisons.
  class Reader {
   public:
    explicit Reader(const GrantsInForce& from) : from_(from) {}
    // Null: there is no valid table. The pointer is valid until the next call.
    const GrantTable* table(int64_t now);
    // The last table, valid or not: signatures are judged by it alone, as the application has no say in them.
    const GrantTable* last();

   private:
    const GrantsInForce& from_;
    std::shared_ptr<const GrantTable> table_;
  };

 private:
  std::atomic<std::shared_ptr<const GrantTable>> table_;
  std::atomic<uint64_t> serial_{0};  // serial of the current table
  std::atomic<int64_t> good_until_{0};
};

}  // namespace sealgate
