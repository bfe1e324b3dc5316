// UploadPlaces: the uploads that a reactor has under way at a time. The last quarter of the places is for
// those who hold few: one client, or one token from many addresses, may fill all others, and keeps nobody
// out.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <unordered_map>

namespace sealgate {

class UploadPlaces {
 public:
  // Hashes of whoever a place is held for: the client's address, and its token or certificate.
  struct Holder {
    size_t address = 0, identity = 0;
  };

  explicit UploadPlaces(size_t most) : most_(most) {}

  static Holder holder(std::string_view address, std::string_view identity) {
    const std::hash<std::string_view> hash;
    return {hash(address), hash(identity)};
  }

  bool take(const Holder& holder) {
    const bool scarce = taken_ + most_ / 4 >= most_;
    const bool holds_few =
        held(by_address_, holder.address) < share() && held(by_identity_, holder.identity) < share();
    if (taken_ >= most_ || (scarce && most_ >= 4 && !holds_few)) return false;
    taken_++;
    by_address_[holder.address]++;
    by_identity_[holder.identity]++;
    return true;
  }

  void leave(const Holder& holder) {
    taken_--;
    drop(by_address_, holder.address);
    drop(by_identity_, holder.identity);
  }

 private:
  using Counts = std::unordered_map<size_t, size_t>;
  size_t share() const { return most_ / 8 + 1; }
  static size_t held(const Counts& counts, size_t who) {
    const auto found = counts.find(who);
    return found == counts.end() ? 0 : found->second;
  }
  static void drop(Counts& counts, size_t who) {
    const auto found = counts.find(who);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }

  const size_t most_;
  size_t taken_ = 0;
  Counts by_address_, by_identity_;
};

}  // namespace sealgate
