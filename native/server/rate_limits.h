// RateLimits: how many requests a client, a token or a site may make, and how many bytes may pass for it, by
// which a request is judged before its plan is looked up. What each has used up is in the table that all
// workers share (rate_table.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/rate_table.h"

namespace sealgate {

// By what requests are told apart. A limit by token counts requests that show one.
enum class RateBy : uint8_t { address, site, token, count_ };

std::string_view rate_by_name(RateBy by);

// What is counted. Bytes of answers and of request bodies are charged once they have passed, so a request is
// refused while those of earlier ones are more than the limit.
enum class RateOf : uint8_t { requests, bytes };

struct RateLimit {
  std::string name;
  RateBy by = RateBy::address;
  Rate rate;
  RateOf of = RateOf::requests;
};

// To whom the bytes of an exchange are charged.
struct ByteCharges {
  std::vector<std::pair<uint64_t, Rate>>
      to;                 // keys of the table, which limits that are read again do not move
  uint64_t received = 0;  // bytes of the request's body

  void charge(RateTable& table, uint64_t bytes, int64_t now) const;
};

// What a request is judged by.
struct RateVisit {
  std::string_view address;        // numeric; a /64 network of IPv6 is one client
  std::string_view site;           // its name
  std::string_view authorization;  // the field; empty: no token
};

// The limit that a request would exceed, and the seconds after which it would not.
struct RateExcess {
  const RateLimit* limit;
  int64_t seconds;

  // Values of RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers).
  std::string field() const;
  std::string policy() const;
};

class RateLimits {
 public:
  RateLimits() = default;
  // @param connections of one address at a time; 0: any number.
  explicit RateLimits(std::vector<RateLimit> limits, size_t connections = 0)
      : limits_(std::move(limits)), connections_(connections) {}

  // Whether requests are limited.
  bool empty() const { return limits_.empty(); }
  size_t connections() const { return connections_; }
  // Counts a request by each limit in turn, until one does not let it through.
  // @param charges what its bytes are to be charged to; null: nobody.
  std::optional<RateExcess> judge(RateTable& table, const RateVisit& visit, int64_t now,
                                  std::unique_ptr<ByteCharges>* charges) const;

 private:
  std::vector<RateLimit> limits_;
  size_t connections_ = 0;
};

}  // namespace sealgate
