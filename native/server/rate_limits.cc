#include "server/rate_limits.h"

#include <algorithm>
#include <cmath>

#include "base/keyed_hash.h"
#include "server/shares.h"

namespace sealgate {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Whom a limit counts this request for; nothing: it does not count it. The name of the limit is part of the
// key, so that what was used up counts on when limits are read again.
std::optional<uint64_t> key_of(const RateLimit& limit, const RateVisit& visit) {
  static const KeyedHash hash;
  const uint64_t name = hash(0, limit.name);
  switch (limit.by) {
    case RateBy::address: {
      const size_t client = client_at(visit.address);
      return hash(name, {reinterpret_cast<const char*>(&client), sizeof client});
    }
    case RateBy::site: return hash(name, visit.site);
    case RateBy::token:
      if (visit.authorization.empty()) return std::nullopt;
      return hash(name, visit.authorization);
    case RateBy::count_: break;
  }
  return std::nullopt;
}

int64_t seconds_of(int64_t nanoseconds) {
  return std::max<int64_t>(1, (nanoseconds + kSecond - 1) / kSecond);
}

}  // namespace

std::string_view rate_by_name(RateBy by) {
  switch (by) {
    case RateBy::address: return "address";
    case RateBy::site: return "site";
    case RateBy::token: return "token";
    case RateBy::count_: break;
  }
  return "";
}

std::string RateExcess::field() const { return '"' + limit->name + "\";r=0;t=" + std::to_string(seconds); }

std::string RateExcess::policy() const {
  const Rate& rate = limit->rate;
  const auto window = static_cast<int64_t>(std::ceil(rate.burst / rate.per_second));
  return '"' + limit->name + "\";q=" + std::to_string(static_cast<int64_t>(rate.burst)) +
         ";w=" + std::to_string(std::max<int64_t>(1, window)) +
         (limit->of == RateOf::bytes ? ";qu=\"content-bytes\"" : "");
}

void ByteCharges::charge(RateTable& table, uint64_t bytes, int64_t now) const {
  for (const auto& [key, rate] : to) table.charge(key, rate, static_cast<double>(bytes + received), now);
}

std::optional<RateExcess> RateLimits::judge(RateTable& table, const RateVisit& visit, int64_t now,
                                            std::unique_ptr<ByteCharges>* charges) const {
  ByteCharges found;
  for (const RateLimit& limit : limits_) {
    const std::optional<uint64_t> key = key_of(limit, visit);
    if (!key) continue;
    const bool is_bytes = limit.of == RateOf::bytes;
    const int64_t wait = is_bytes ? table.debt(*key, limit.rate, now) : table.take(*key, limit.rate, now);
    if (wait > 0) return RateExcess{&limit, seconds_of(wait)};
    if (is_bytes) found.to.emplace_back(*key, limit.rate);
  }
  if (!found.to.empty()) *charges = std::make_unique<ByteCharges>(std::move(found));
  return std::nullopt;
}

}  // namespace sealgate
