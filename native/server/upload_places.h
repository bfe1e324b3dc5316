// UploadPlaces: bounds the uploads that a reactor receives at a time, and shares the places among clients
// (shares.h): one client, or one token used from many addresses, gets at most three quarters of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "server/shares.h"

namespace sealgate {

class UploadPlaces {
 public:
  // Who holds a place: hashes of the address and of the identity, a token or certificate.
  struct Holder {
    size_t address = 0, identity = 0;
  };

  explicit UploadPlaces(size_t most) : most_(most), by_address_(most), by_identity_(most) {}

  // A client without an identity is known by its address alone, so that strangers do not count as one
  // client.
  static Holder holder(size_t address, std::string_view identity) {
    return {address, identity.empty() ? address : std::hash<std::string_view>()(identity)};
  }

  // Takes all of `count` places, or none.
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
  size_t taken() const { return taken_; }
  size_t most() const { return most_; }

 private:
  const size_t most_;
  size_t taken_ = 0;
  Shares by_address_, by_identity_;
};

}  // namespace sealgate
