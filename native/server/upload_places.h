// UploadPlaces: the uploads that a reactor has under way at a time, shared among clients (shares.h): one
// client, or one token from many addresses, fills three quarters of the places, and keeps nobody out.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "server/shares.h"

namespace sealgate {

class UploadPlaces {
 public:
  // Hashes of whoever a place is held for: the client at an address, and its token or certificate.
  struct Holder {
    size_t address = 0, identity = 0;
  };

  explicit UploadPlaces(size_t most) : most_(most), by_address_(most), by_identity_(most) {}

  static Holder holder(size_t address, std::string_view identity) {
    return {address, std::hash<std::string_view>()(identity)};
  }

  bool take(const Holder& holder) {
    const bool holds_few = by_address_.holds_few(holder.address) && by_identity_.holds_few(holder.identity);
    if (taken_ >= most_ || (Shares::in_last_quarter(taken_, most_) && !holds_few)) return false;
    taken_++;
    by_address_.take(holder.address);
    by_identity_.take(holder.identity);
    return true;
  }

  void leave(const Holder& holder) {
    taken_--;
    by_address_.leave(holder.address);
    by_identity_.leave(holder.identity);
  }

 private:
  const size_t most_;
  size_t taken_ = 0;
  Shares by_address_, by_identity_;
};

}  // namespace sealgate
