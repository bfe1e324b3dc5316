// Job: work off the calling thread, as a promise.
#pragma once

#include <napi.h>

#include <cstring>
#include <functional>
#include <memory>
#include <utility>

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

// `work` runs on a thread of the pool, `convert` on the caller's. Not on the runtime's own pool: what takes
// long there would hold up all else that the process asks of the disk.
template <typename Result>
class Job {
 public:
  using Work = std::function<Status(Result*)>;
  using Convert = Napi::Value (*)(Napi::Env, const Result&);

  static Napi::Value start(Napi::Env env, IoPool& pool, Work work, Convert convert) {
    auto job = std::shared_ptr<Job>(new Job(env, std::move(work), convert));
    const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
    const auto back = Napi::ThreadSafeFunction::New(env, nothing, "sealgate job", 0, 1);
    pool.submit([job, back] {
      job->status_ = job->work_(&job->result_);
      // The runtime that ends meanwhile waits for no answer.
      auto* held = new std::shared_ptr<Job>(job);
      if (back.BlockingCall(held, settle) != napi_ok) delete held;
      back.Release();
    });
    return job->deferred_.Promise();
  }

 private:
  Job(Napi::Env env, Work work, Convert convert)
      : deferred_(env), work_(std::move(work)), convert_(convert) {}

  static void settle(Napi::Env env, Napi::Function, std::shared_ptr<Job>* held) {
    const std::unique_ptr<std::shared_ptr<Job>> owned(held);
    if (env == nullptr) return;
    const Job& job = **held;
    if (job.status_.ok()) {
      job.deferred_.Resolve(job.convert_(env, job.result_));
    } else {
      job.deferred_.Reject(error_of(env, job.status_).Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  Result result_{};
  Status status_;
};

}  // namespace sealgate::addon
