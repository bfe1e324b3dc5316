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

  int64_t length() const { return length_; }
  // Each deadline that is armed is from now on as if it had been armed with this length, milliseconds: those
  // that have waited so long are due, and their order stays.
  void set_length(int64_t length) {
    for (Deadline* each = end_.next; each != &end_; each = each->next) each->at += length - length_;
    length_ = length;
  }

  void arm(Deadline& deadline, int64_t now) {
    deadline.disarm();
    deadline.at = now + length_;
    deadline.previous = end_.previous;
    deadline.next = &end_;
    end_.previous->next = &deadline;
    end_.previous = &deadline;
  }
  Deadline* first() const { return end_.next == &end_ ? nullptr : end_.next; }

 private:
  Deadline end_;
  int64_t length_ = 0;
};

}  // namespace sealgate
