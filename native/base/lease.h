// Lease: something that was taken from an owner and is given back when the lease ends: by end(), by another
// lease that takes its place, or with the object that holds it. `GiveBack` is the owner's member function.
#pragma once

#include <utility>

namespace sealgate {

template <typename Owner, typename What, auto GiveBack>
class Lease {
 public:
  Lease() = default;
  Lease(Owner& owner, What what) : owner_(&owner), what_(what) {}
  Lease(Lease&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), what_(other.what_) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      end();
      owner_ = std::exchange(other.owner_, nullptr);
      what_ = other.what_;
    }
    return *this;
  }
  ~Lease() { end(); }

  explicit operator bool() const { return owner_ != nullptr; }
  const What& what() const { return what_; }
  void end() {
    if (Owner* const owner = std::exchange(owner_, nullptr)) (owner->*GiveBack)(what_);
  }

 private:
  Owner* owner_ = nullptr;
  What what_{};
};

}  // namespace sealgate
