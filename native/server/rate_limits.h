// RateLimits: how many requests a client, a token or a site may make, by which a request is judged before its
// plan is looked up. What each has used up is in the table that all workers share (rate_table.h).
#pragma once

#include <cstdint>
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

struct RateLimit {
  std::string name;
  RateBy by = RateBy::address;
  Rate rate;
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
  explicit RateLimits(std::vector<RateLimit> limits) : limits_(std::move(limits)) {}

  bool empty() const { return limits_.empty(); }
  // Counts a request by each limit in turn, until one does not let it through.
  std::optional<RateExcess> judge(RateTable& table, const RateVisit& visit, int64_t now) const;

 private:
  std::vector<RateLimit> limits_;
};

}  // namespace sealgate
