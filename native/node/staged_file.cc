#include "node/staged_file.h"

#include <cerrno>
#include <memory>

#include "node/addon.h"
#include "node/growing_file.h"
#include "node/job.h"
#include "node/options.h"
#include "server/reactor.h"

namespace sealgate::addon {
namespace {

// Bytes of a file that is synced when it is placed, as in server/staging_writer.cc.
constexpr uint64_t kSyncedAfterwards = 1024 * 1024;

// The destructor removes a file that is not finished, and its readers are cut.
struct Staged {
  StagingFile file;
  std::shared_ptr<GrowingFile> growing;
};

class StagedFileObject : public Napi::ObjectWrap<StagedFileObject> {
 public:
  explicit StagedFileObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StagedFileObject>(info) {
    const auto how = info[1].As<Napi::Object>();
    const auto expected = static_cast<uint64_t>(number(how, "expected"));
    const std::string path = info[0].As<Napi::String>();
    Status status = state_->file.open(path, expected, digest_names(how.Get("digests")));
    if (!status.ok()) throw error_of(info.Env(), status);
    if (how.Get("growing").IsUndefined()) return;
    state_->growing = claim_shared_growing_file(info.Env(), static_cast<uint32_t>(number(how, "growing")));
    state_->growing->expect(expected);
    status = state_->growing->open(path);
    if (!status.ok()) throw error_of(info.Env(), status);
  }
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "StagedFile",
        {InstanceAccessor<&StagedFileObject::size>("size"), InstanceMethod<&StagedFileObject::write>("write"),
         InstanceMethod<&StagedFileObject::finish>("finish"),
         InstanceMethod<&StagedFileObject::discard>("discard")});
  }

 private:
  Napi::Value size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(size_));
  }
  Staged& state(Napi::Env env) {
    if (!state_) throw error_of(env, {EBADF, "write a staging file that has ended"});
    return *state_;
  }
  void write(const Napi::CallbackInfo& info) {
    Staged& staged = state(info.Env());
    const auto bytes = info[0].As<Napi::Uint8Array>();
    const Status status = staged.file.write(bytes.Data(), bytes.ByteLength());
    if (!status.ok()) throw error_of(info.Env(), status);
    size_ = staged.file.size();
    if (staged.growing) staged.growing->grow(size_);
  }
  Napi::Value finish(const Napi::CallbackInfo& info) {
    (void)state(info.Env());
    const auto end = [state = std::move(state_)](std::shared_ptr<Staged>* out) -> Status {
      StagingFile& file = state->file;
      Status status = file.size() > kSyncedAfterwards ? file.sync() : Status{};
      if (status.ok()) status = file.finish();
      if (!status.ok()) return status;
      if (state->growing) state->growing->received();
      state->growing.reset();
      *out = state;
      return {};
    };
    return Job<std::shared_ptr<Staged>>::start(
        info.Env(), Engine::instance().commits, end,
        [](Napi::Env env, const std::shared_ptr<Staged>& done) -> Napi::Value {
          return staged(env, done->file);
        });
  }
  void discard(const Napi::CallbackInfo&) {
    if (state_) state_->file.discard();
    state_.reset();
  }

  std::shared_ptr<Staged> state_ = std::make_shared<Staged>();
  uint64_t size_ = 0;
};

Napi::Value staged_file(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Instance>()->staged_file.New({info[0], info[1]});
}

}  // namespace

Napi::Object staged(Napi::Env env, const StagingFile& file) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("digest", file.digest());
  out.Set("size", static_cast<double>(file.size()));
  set_digests(out, file.further());
  return out;
}

void init_staged_file(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->staged_file = Napi::Persistent(StagedFileObject::define(env));
  exports.Set("stagedFile", Napi::Function::New<staged_file>(env));
}

}  // namespace sealgate::addon
