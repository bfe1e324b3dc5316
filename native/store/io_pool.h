// IoPool: threads that may block on a disk, so that no reactor does. Each kind of work has one pool for
// all reactors, so that a job waits only for jobs of its own kind. Jobs start in the order in which they
// were submitted. A thread is started when there is work for it, up to the limit.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sealgate {

class IoPool {
 public:
  explicit IoPool(size_t most);  // most threads
  ~IoPool();                     // finishes what was submitted
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  void submit(std::function<void()> job);

 private:
  void start_thread();
  void work();
  const size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  size_t waiting_ = 0;  // threads without a job
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sealgate
