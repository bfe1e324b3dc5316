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

  // Who shows no identity is known by the address alone: strangers are not one client.
  static Holder holder(size_t address, std::string_view identity) {
    return {address, identity.empty() ? address : std::hash<std::string_view>()(identity)};
  }

  // All of `count` places, or none.
  bool take(const Holder& holder, size_t count = 1) {
    const bool holds_few = by_address_.holds_few(holder.address) && by_identity_.holds_few(holder.identity);
    if (count > most_ - taken_) return false;
    if (count > 0 && Shares::in_last_quarter(taken_ + count - 1, most_) && !holds_few) return false;
    taken_ += count;
    by_address_.take(holder.address, count);
    by_identity_.take(holder.identity, count);
    return true;
  }

  void leave_several(const Holder& holder, size_t count) {
    taken_ -= count;
    by_address_.leave(holder.address, count);
    by_identity_.leave(holder.identity, count);
  }
  void leave(const Holder& holder) { leave_several(holder, 1); }

 private:
  const size_t most_;
  size_t taken_ = 0;
  Shares by_address_, by_identity_;
};

}  // namespace sealgate
