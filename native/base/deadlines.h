// Deadlines: timeouts of a few fixed lengths, one list per length. All entries of a list wait equally long,
// so a list is always sorted by expiry, and arming, moving and disarming cost a few pointer writes.
#pragma once

#include <cstdint>

namespace sealgate {

// The object that is notified when a deadline passes.
class DeadlineOwner {
 public:
  virtual void on_deadline() = 0;

 protected:
  ~DeadlineOwner() = default;
};

// A member of its owner. In at most one list at a time.
struct Deadline {
  DeadlineOwner* owner = nullptr;
  Deadline* previous = nullptr;
  Deadline* next = nullptr;
  int64_t at = 0;  // milliseconds on the reactor's clock

  bool armed() const { return next != nullptr; }
  void disarm() {
    if (!armed()) return;
    previous->next = next;
    next->previous = previous;
    previous = next = nullptr;
  }
};

class DeadlineList {
 public:
  // Owns nothing; the end marker is part of the ring.
  DeadlineList() { end_.previous = end_.next = &end_; }
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  int64_t length = 0;  // milliseconds

  void arm(Deadline& deadline, int64_t now) {
    deadline.disarm();
    deadline.at = now + length;
    deadline.previous = end_.previous;
    deadline.next = &end_;
    end_.previous->next = &deadline;
    end_.previous = &deadline;
  }
  Deadline* first() const { return end_.next == &end_ ? nullptr : end_.next; }

 private:
  Deadline end_;
};

}  // namespace sealgate
