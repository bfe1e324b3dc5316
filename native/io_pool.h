// IoPool: the threads of this process that may block on a disk, so that no reactor does. One pool for all
// reactors; jobs start in the order given.
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
  explicit IoPool(size_t threads);
  ~IoPool();  // finishes what was submitted
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  void submit(std::function<void()> job);

 private:
  void work();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sealgate
