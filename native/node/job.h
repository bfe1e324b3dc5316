// Job: work off the calling thread, as a promise.
#pragma once

#include <napi.h>

#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/status.h"
#include "node/addon.h"
#include "store/io_pool.h"

namespace sealgate::addon {

// `code` is the name of its errno.
inline Napi::Error error_of(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, describe(status));
  const char* name = ::strerrorname_np(status.error);
  error.Set("code", name ? name : "EIO");
  return error;
}

class AnyJob {
 public:
  AnyJob() = default;
  virtual ~AnyJob() = default;
  AnyJob(const AnyJob&) = delete;
  AnyJob& operator=(const AnyJob&) = delete;
  virtual void settle(Napi::Env env) = 0;
};

// The way back of all jobs of one environment: those that have ended settle together, with one wake-up. A
// thread-safe function for each job would cost more than most of them: each is a handle of the event loop,
// which every wake-up looks at.
class JobReturns : public std::enable_shared_from_this<JobReturns> {
 public:
  static std::shared_ptr<JobReturns> of(Napi::Env env);
  // Keeps the environment alive until the job has settled. Called on its thread.
  void expect(Napi::Env env);
  // Called on any thread. After the end of the environment the job is dropped.
  void ended(std::shared_ptr<AnyJob> job);

 private:
  void settle_all(Napi::Env env);
  void close();

  Napi::ThreadSafeFunction back_;
  size_t expected_ = 0;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::shared_ptr<AnyJob>> ended_;
};

// `work` runs on a thread of the pool, `convert` on the caller's. Not on the runtime's own pool: what takes
// long there would hold up all else that the process asks of the disk.
template <typename Result>
class Job final : public AnyJob {
 public:
  using Work = std::function<Status(Result*)>;
  using Convert = Napi::Value (*)(Napi::Env, const Result&);

  static Napi::Value start(Napi::Env env, IoPool& pool, Work work, Convert convert) {
    const std::shared_ptr<Job> job(new Job(env, std::move(work), convert));
    const auto returns = JobReturns::of(env);
    returns->expect(env);
    pool.submit([job, returns] {
      job->status_ = job->work_(&job->result_);
      returns->ended(job);
    });
    return job->deferred_.Promise();
  }

  void settle(Napi::Env env) override {
    if (status_.ok()) {
      deferred_.Resolve(convert_(env, result_));
    } else {
      deferred_.Reject(error_of(env, status_).Value());
    }
  }

 private:
  Job(Napi::Env env, Work work, Convert convert)
      : deferred_(env), work_(std::move(work)), convert_(convert) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  Result result_{};
  Status status_;
};

}  // namespace sealgate::addon
