// Job: work off the calling thread, as a promise.
#pragma once

#include <napi.h>

#include <cstring>
#include <functional>
#include <utility>

#include "addon.h"
#include "status.h"

namespace sealgate::addon {

// `code` is the name of its errno.
inline Napi::Error error_of(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, describe(status));
  const char* name = ::strerrorname_np(status.error);
  error.Set("code", name ? name : "EIO");
  return error;
}

// `work` runs on a thread of the runtime's pool, `result` back on the caller's.
template <typename Result>
class Job : public Napi::AsyncWorker {
 public:
  using Work = std::function<Status(Result*)>;
  using Convert = Napi::Value (*)(Napi::Env, const Result&);

  static Napi::Value start(Napi::Env env, Work work, Convert convert) {
    auto* job = new Job(env, std::move(work), convert);  // deletes itself when it is done
    const Napi::Promise promise = job->deferred_.Promise();
    job->Queue();
    return promise;
  }

 private:
  Job(Napi::Env env, Work work, Convert convert)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), convert_(convert) {}
  void Execute() override { status_ = work_(&result_); }
  void OnOK() override {
    if (status_.ok()) {
      deferred_.Resolve(convert_(Env(), result_));
    } else {
      deferred_.Reject(error_of(Env(), status_).Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  Result result_{};
  Status status_;
};

}  // namespace sealgate::addon
