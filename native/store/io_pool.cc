#include "store/io_pool.h"

#include <pthread.h>
#include <signal.h>

namespace sealgate {

IoPool::IoPool(size_t most) : most_(most) { threads_.reserve(most); }

IoPool::~IoPool() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void IoPool::submit(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (jobs_.size() > waiting_ && threads_.size() < most_) start_thread();
  }
  wake_.notify_one();
}

// Signals are for the main thread, so a pool thread inherits a mask that blocks them all.
void IoPool::start_thread() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  threads_.emplace_back([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void IoPool::work() {
  pthread_setname_np(pthread_self(), "sealgate-io");
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      waiting_++;
      wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      waiting_--;
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace sealgate
