// Mailbox: work that other threads leave for one reactor. Posting wakes the reactor through an eventfd, once
// for however many letters lie there.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <mutex>
#include <vector>

#include "fd.h"

namespace sealgate {

class Mailbox {
 public:
  using Letter = std::function<void()>;

  Mailbox() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  // Any thread.
  void post(Letter letter) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = letters_.empty();
      letters_.push_back(std::move(letter));
    }
    if (first) ::eventfd_write(wake_.get(), 1);
  }

  // The reactor's thread: runs what lies there.
  void open() {
    eventfd_t ignored;
    ::eventfd_read(wake_.get(), &ignored);
    {
      std::lock_guard lock(mutex_);
      opened_.swap(letters_);
    }
    for (Letter& letter : opened_) letter();
    opened_.clear();
  }

  int fd() const { return wake_.get(); }

 private:
  Fd wake_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::vector<Letter> opened_;
};

}  // namespace sealgate
