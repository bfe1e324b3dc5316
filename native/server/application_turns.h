// ApplicationTurns: the requests of one reactor that are to be sent to the application. It bounds how many
// the application has at a time, and lets clients take turns, so that a client with many requests delays
// only its own (shares.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "server/application_queue.h"
#include "server/shares.h"

namespace sealgate {

class ApplicationTurns {
 public:
  explicit ApplicationTurns(size_t most) : most_(most), shares_(most) {}

  void add(size_t client, ApplicationEvent event) {
    std::deque<ApplicationEvent>& waiting = waiting_[client];
    if (waiting.empty()) order_.push_back(client);
    waiting.push_back(std::move(event));
    count_++;
  }

  // Drops those that `is_over` says nobody waits for any more, when there are twice as many as were left the
  // last time: each request costs a look or two.
  template <typename IsOver>
  void forget_if_many(IsOver is_over) {
    if (count_ < look_at_) return;
    count_ = 0;
    for (auto& [client, waiting] : waiting_) {
      std::erase_if(waiting, is_over);
      count_ += waiting.size();
    }
    std::erase_if(order_, [this](size_t client) { return waiting_[client].empty(); });
    std::erase_if(waiting_, [](const auto& each) { return each.second.empty(); });
    look_at_ = std::max(kLeast, 2 * count_);
  }

  // How many wait.
  size_t count() const { return count_; }

  // Whether a new request may be sent at once, because no earlier one waits.
  bool nobody_waits() const { return order_.empty(); }

  // Takes a place at the application. False when the application, or this client, has its full number.
  bool take(size_t client) {
    if (!may_take(client)) return false;
    taken_++;
    shares_.take(client);
    return true;
  }

  // Gives back the place of a request that was answered or given up.
  void leave(size_t client) {
    taken_--;
    shares_.leave(client);
  }

  // The next request that may be sent, with its client. The caller then takes a place for it.
  std::optional<std::pair<size_t, ApplicationEvent>> next() {
    // A client that may take no place holds an eighth already, so this loop passes at most seven of them.
    for (size_t looked_at = order_.size(); looked_at > 0 && taken_ < most_; looked_at--) {
      const size_t client = order_.front();
      order_.pop_front();
      if (may_take(client)) return std::pair(client, first_of(client));
      order_.push_back(client);
    }
    return std::nullopt;
  }

 private:
  bool may_take(size_t client) const {
    return taken_ < most_ && (!Shares::in_last_quarter(taken_, most_) || shares_.holds_few(client));
  }

  ApplicationEvent first_of(size_t client) {
    const auto found = waiting_.find(client);
    ApplicationEvent event = std::move(found->second.front());
    found->second.pop_front();
    count_--;
    if (found->second.empty()) {
      waiting_.erase(found);
    } else {
      order_.push_back(client);
    }
    return event;
  }

  static constexpr size_t kLeast = 1024;

  const size_t most_;
  size_t taken_ = 0;
  size_t count_ = 0, look_at_ = kLeast;
  Shares shares_;
  // Requests by client, in order of arrival.
  std::unordered_map<size_t, std::deque<ApplicationEvent>> waiting_;
  std::deque<size_t> order_;  // clients that have requests in `waiting_`, in order of their turns
};

}  // namespace sealgate
