#include "node/job.h"

namespace sealgate::addon {

std::shared_ptr<JobReturns> JobReturns::of(Napi::Env env) {
  auto& returns = env.GetInstanceData<Instance>()->jobs;
  if (returns) return returns;
  returns = std::make_shared<JobReturns>();
  const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  returns->back_ = Napi::ThreadSafeFunction::New(env, nothing, "sealgate jobs", 0, 1);
  returns->back_.Unref(env);
  // Runs before the hook by which the function above ends, because it was added later.
  env.AddCleanupHook([returns = returns] { returns->close(); });
  return returns;
}

void JobReturns::expect(Napi::Env env) {
  if (expected_++ == 0) back_.Ref(env);
}

void JobReturns::ended(std::shared_ptr<AnyJob> job) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  ended_.push_back(std::move(job));
  if (ended_.size() > 1) return;
  back_.NonBlockingCall([self = shared_from_this()](Napi::Env env, const Napi::Function&) {
    if (env != nullptr) self->settle_all(env);
  });
}

void JobReturns::settle_all(Napi::Env env) {
  std::vector<std::shared_ptr<AnyJob>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(ended_);
  }
  for (const std::shared_ptr<AnyJob>& job : all) {
    const Napi::HandleScope scope(env);
    job->settle(env);
  }
  expected_ -= all.size();
  if (expected_ == 0) back_.Unref(env);
}

void JobReturns::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ended_.clear();
}

}  // namespace sealgate::addon
