// A pool runs each job once, beside those that block, and none is lost at its end.
#include "store/io_pool.h"

#include <signal.h>

#include <atomic>
#include <semaphore>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

TEST_CASE("a pool runs every job once, those submitted before its end included") {
  constexpr int kJobs = 2'000;
  std::vector<std::atomic<int>> runs(kJobs);
  {
    IoPool pool(3);
    for (std::atomic<int>& each : runs) pool.submit([&each] { each++; });
  }
  int once = 0;
  for (const std::atomic<int>& each : runs) once += each == 1 ? 1 : 0;
  CHECK_EQ(once, kJobs);
}

TEST_CASE("a pool of one thread runs jobs in the order given") {
  std::string order;
  {
    IoPool pool(1);
    for (const char job : {'a', 'b', 'c', 'd'}) pool.submit([&order, job] { order.push_back(job); });
  }
  CHECK_EQ(order, "abcd");
}

TEST_CASE("a job that blocks holds up none that another thread can take") {
  std::counting_semaphore<> gate(0), passed(0);
  IoPool pool(2);
  pool.submit([&] { gate.acquire(); });
  pool.submit([&] { passed.release(); });
  passed.acquire();  // returns only because the second job ran beside the first
  gate.release();
}

TEST_CASE("jobs run with every signal blocked") {
  sigset_t mask;
  sigemptyset(&mask);
  {
    IoPool pool(1);
    pool.submit([&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &mask); });
  }
  CHECK(sigismember(&mask, SIGTERM) == 1);
  CHECK(sigismember(&mask, SIGINT) == 1);
  sigset_t own;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &own);
  CHECK(sigismember(&own, SIGTERM) == 0);
}

}  // namespace
}  // namespace sealgate
