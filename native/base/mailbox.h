// Mailbox: tasks that other threads post to a reactor. A post wakes the reactor through an eventfd unless a
// wake-up is already pending. A thread that posts many tasks uses a Batch, which wakes it once for several.
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
  using Task = std::function<void()>;

  Mailbox() : wake_(std::make_shared<Fd>(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))) {}

  // RAII: defers the eventfd wake-ups of the thread's posts to every kTasksAWake tasks, and to its
  // destructor. A wake-up costs more than a post, and a reactor woken for each task would do little else.
  class Batch {
   public:
    Batch() { open_ = true; }
    ~Batch() {
      wake_all();
      open_ = false;
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    friend class Mailbox;
    static constexpr size_t kTasksAWake = 16;
    static void wake_all() {
      for (const auto& wake : std::exchange(waiting_, {})) ::eventfd_write(wake->get(), 1);
      tasks_ = 0;
    }
    static inline thread_local bool open_ = false;
    static inline thread_local size_t tasks_ = 0;
    static inline thread_local std::vector<std::shared_ptr<Fd>> waiting_;
  };

  // May be called by any thread.
  void post(Task task) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = tasks_.empty();
      tasks_.push_back(std::move(task));
    }
    if (!Batch::open_) {
      if (first) ::eventfd_write(wake_->get(), 1);
      return;
    }
    if (first) Batch::waiting_.push_back(wake_);
    if (++Batch::tasks_ >= Batch::kTasksAWake) Batch::wake_all();
  }

  // Runs the waiting tasks. Only the reactor's thread may call it.
  void run() {
    eventfd_t ignored;
    ::eventfd_read(wake_->get(), &ignored);
    {
      std::lock_guard lock(mutex_);
      running_.swap(tasks_);
    }
    for (Task& task : running_) task();
    running_.clear();
  }

  int fd() const { return wake_->get(); }

 private:
  std::shared_ptr<Fd> wake_;  // shared with batches that have yet to wake it
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::vector<Task> running_;
};

}  // namespace sealgate
