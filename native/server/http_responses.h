// HttpResponses: counts responses that were sent whole, by class of status, method and path.
// UploadSizes: a histogram of the sizes of received bodies. One thread writes them, any may read.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "http/request.h"
#include "server/traffic.h"

namespace sealgate {

class HttpResponses {
 public:
  // For a head that could not be parsed.
  static constexpr size_t kUnread = static_cast<size_t>(Method::other) + 1;

  void add(size_t method, int status, Path path) {
    const unsigned row = static_cast<unsigned>(path) * kMethods + static_cast<unsigned>(method);
    responses_[row * kClasses + static_cast<unsigned>(status) / 100 % kClasses].add();
  }
  // Visits "http_responses.2xx/GET/tls-send"; combinations that never occurred are left out.
  template <typename Visit>
  void each(Visit& visit) const {
    for (size_t i = 0; i < responses_.size(); i++) {
      const uint64_t n = responses_[i].get();
      if (n == 0) continue;
      const size_t row = i / kClasses;
      const std::string status = std::to_string(i % kClasses) + "xx/";
      visit("http_responses." + status + std::string(kMethodNames[row % kMethods]) + "/" +
                std::string(path_name(static_cast<Path>(row / kMethods))),
            n);
    }
  }

 private:
  // Names by Method. All unknown methods are "other", because clients must not be able to make labels.
  static constexpr std::array<std::string_view, kUnread + 1> kMethodNames{
      "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "other", "none"};
  static constexpr unsigned kMethods = kMethodNames.size();
  static constexpr unsigned kClasses = 8;  // status / 100 is 0 to 5; rounded up to a power of two
  std::array<Counter, static_cast<size_t>(Path::count_) * kMethods * kClasses> responses_;
};

class UploadSizes {
 public:
  void observe(uint64_t bytes) {
    buckets_[bucket_of(bytes)].add();
    sum_.add(bytes);
  }
  // Visits "upload_size.4096" with the number of bodies up to that many bytes, and "upload_size_sum".
  template <typename Visit>
  void each(Visit& visit) const {
    for (size_t i = 0; i < kBuckets; i++) {
      const uint64_t n = buckets_[i].get();
      const uint64_t bound = i + 1 < kBuckets ? kLeast << 2 * i : UINT64_MAX;
      if (n != 0) visit("upload_size." + std::to_string(bound), n);
    }
    visit("upload_size_sum", sum_.get());
  }
  static constexpr size_t bucket_of(uint64_t bytes) {
    if (bytes <= kLeast) return 0;
    return std::min<size_t>(static_cast<size_t>(std::bit_width((bytes - 1) / kLeast) + 1) / 2, kBuckets - 1);
  }

 private:
  static constexpr uint64_t kLeast = 4096;
  // Bounds from 4 KiB to 16 GiB, each four times the one before, and a last one without bound.
  static constexpr size_t kBuckets = 13;
  Counter buckets_[kBuckets];
  Counter sum_;
};

}  // namespace sealgate
