// ApplicationTurns: the requests of one reactor that the application is to be asked, and how many it has at a
// time. Clients take turns: whoever asks for much waits for itself (shares.h).
#pragma once

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
  }

  // Whether none waits that would have to be asked before a new one.
  bool nobody_waits() const { return order_.empty(); }

  // False: the application has as many as it, or this client, is to have.
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

  // The next that may be asked, with its client, for which no place is taken yet.
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
    if (found->second.empty()) {
      waiting_.erase(found);
    } else {
      order_.push_back(client);
    }
    return event;
  }

  const size_t most_;
  size_t taken_ = 0;
  Shares shares_;
  std::unordered_map<size_t, std::deque<ApplicationEvent>> waiting_;  // of each client, in order
  std::deque<size_t> order_;                                          // clients with a request that waits
};

}  // namespace sealgate
