// Mailbox: work that other threads leave for one reactor. Posting wakes the reactor through an eventfd, once
// for however many letters lie there; for letters that are posted together, once for some of them.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace sealgate {

class Mailbox {
 public:
  using Letter = std::function<void()>;

  Mailbox() : wake_(std::make_shared<Fd>(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))) {}

  // While one exists, what its thread posts is not told at once. Waking a thread takes longer than posting,
  // and one that is woken for every letter does nothing but wake.
  class Together {
   public:
    Together() { open_ = true; }
    ~Together() {
      tell();
      open_ = false;
    }
    Together(const Together&) = delete;
    Together& operator=(const Together&) = delete;

   private:
    friend class Mailbox;
    static constexpr size_t kLetters = 16;
    static void tell() {
      for (const auto& wake : std::exchange(waiting_, {})) ::eventfd_write(wake->get(), 1);
      letters_ = 0;
    }
    static inline thread_local bool open_ = false;
    static inline thread_local size_t letters_ = 0;
    static inline thread_local std::vector<std::shared_ptr<Fd>> waiting_;
  };

  // Any thread.
  void post(Letter letter) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = letters_.empty();
      letters_.push_back(std::move(letter));
    }
    if (!Together::open_) {
      if (first) ::eventfd_write(wake_->get(), 1);
      return;
    }
    if (first) Together::waiting_.push_back(wake_);
    if (++Together::letters_ >= Together::kLetters) Together::tell();
  }

  // The reactor's thread: runs what lies there.
  void open() {
    eventfd_t ignored;
    ::eventfd_read(wake_->get(), &ignored);
    {
      std::lock_guard lock(mutex_);
      opened_.swap(letters_);
    }
    for (Letter& letter : opened_) letter();
    opened_.clear();
  }

  int fd() const { return wake_->get(); }

 private:
  std::shared_ptr<Fd> wake_;  // also of those who have yet to tell
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::vector<Letter> opened_;
};

}  // namespace sealgate
