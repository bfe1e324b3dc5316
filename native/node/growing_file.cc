#include "node/growing_file.h"

#include <cerrno>
#include <mutex>
#include <unordered_map>

#include "node/addon.h"
#include "node/files.h"
#include "node/job.h"

namespace sealgate::addon {
namespace {

const char* state_text(GrowingFile::State state) {
  switch (state) {
    case GrowingFile::State::growing: return "growing";
    case GrowingFile::State::whole: return "whole";
    case GrowingFile::State::failed: break;
  }
  return "failed";
}

// Growing files that a thread of another environment is to write, by number. One that has ended unclaimed is
// dropped when its object goes.
class Shared {
 public:
  uint32_t add(const std::shared_ptr<GrowingFile>& file) {
    const std::lock_guard lock(mutex_);
    files_.emplace(++last_, file);
    return last_;
  }
  // Null: there is none of this number, or it was taken.
  std::shared_ptr<GrowingFile> take(uint32_t number) {
    const std::lock_guard lock(mutex_);
    const auto node = files_.extract(number);
    return node ? node.mapped().lock() : nullptr;
  }

 private:
  std::mutex mutex_;
  uint32_t last_ = 0;
  std::unordered_map<uint32_t, std::weak_ptr<GrowingFile>> files_;
};

Shared& shared() {
  static Shared* const instance = new Shared();
  return *instance;
}

// It holds the file only while that grows: nobody but its readers needs the descriptor and the disk space
// after.
class GrowingFileObject : public Napi::ObjectWrap<GrowingFileObject> {
 public:
  explicit GrowingFileObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<GrowingFileObject>(info) {
    if (info[0].IsNumber()) file_->expect(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
  }
  // Whoever forgets to say what has become of an upload does not leave its readers waiting for ever.
  ~GrowingFileObject() override {
    if (file_) file_->fail();
    if (number_ != 0) (void)shared().take(number_);
  }
  GrowingFileObject(const GrowingFileObject&) = delete;
  GrowingFileObject& operator=(const GrowingFileObject&) = delete;
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "GrowingFile",
        {InstanceAccessor<&GrowingFileObject::size>("size"),
         InstanceAccessor<&GrowingFileObject::expected>("expected"),
         InstanceAccessor<&GrowingFileObject::state>("state"),
         InstanceMethod<&GrowingFileObject::opened>("opened"),
         InstanceMethod<&GrowingFileObject::grow>("grow"), InstanceMethod<&GrowingFileObject::share>("share"),
         InstanceMethod<&GrowingFileObject::finish>("finish"),
         InstanceMethod<&GrowingFileObject::fail>("fail")});
  }
  // Null: it has ended.
  const std::shared_ptr<GrowingFile>& file() {
    look();
    return file_;
  }

 private:
  Napi::Value size(const Napi::CallbackInfo& info) {
    look();
    return Napi::Number::New(info.Env(), static_cast<double>(size_));
  }
  Napi::Value expected(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), file_ ? static_cast<double>(file_->expected()) : 0);
  }
  Napi::Value opened(const Napi::CallbackInfo& info) {
    look();
    if (!file_ || size_ == 0) return info.Env().Undefined();
    Fd copy = Fd::copy_of(file_->fd());
    if (!copy) throw error_of(info.Env(), Status::last("dup"));
    return file_object(info.Env(), std::move(copy));
  }
  void grow(const Napi::CallbackInfo& info) {
    look();
    if (!file_) return;
    const auto size = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    if (!elsewhere_) {
      if (!info[1].IsExternal()) throw Napi::TypeError::New(info.Env(), "grow: expected an open file");
      elsewhere_ = GrowingFile::claim(file_);
      if (!elsewhere_) throw error_of(info.Env(), {EBUSY, "grow a file that is received into"});
      elsewhere_->adopt(copy_of_file(info[1]));
      elsewhere_->expect(static_cast<uint64_t>(info[2].As<Napi::Number>().Int64Value()));
    }
    if (size > elsewhere_->length()) elsewhere_->grow(size);
  }
  Napi::Value share(const Napi::CallbackInfo& info) {
    if (number_ == 0 && file_) number_ = shared().add(file_);
    return Napi::Number::New(info.Env(), number_);
  }
  Napi::Value state(const Napi::CallbackInfo& info) {
    look();
    return Napi::String::New(info.Env(), state_text(state_));
  }
  void finish(const Napi::CallbackInfo&) {
    if (file_) file_->finish();
    look();
  }
  void fail(const Napi::CallbackInfo&) {
    if (file_) file_->fail();
    look();
  }
  void look() {
    if (!file_) return;
    state_ = file_->state();
    size_ = file_->length();
    if (state_ == GrowingFile::State::growing) return;
    elsewhere_.reset();
    file_.reset();
  }

  std::shared_ptr<GrowingFile> file_ = std::make_shared<GrowingFile>();
  std::shared_ptr<GrowingFile> elsewhere_;  // the right to write to one that another process receives
  GrowingFile::State state_ = GrowingFile::State::growing;
  uint64_t size_ = 0;
  uint32_t number_ = 0;  // by which others find it; 0: it is not shared
};

Napi::Value growing_file(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Instance>()->growing_file.New({info[0]});
}

}  // namespace

std::shared_ptr<GrowingFile> growing_file_of(const Napi::Value& given) {
  const Napi::Env env = given.Env();
  const Napi::Function constructor = env.GetInstanceData<Instance>()->growing_file.Value();
  if (!given.IsObject() || !given.As<Napi::Object>().InstanceOf(constructor))
    throw Napi::TypeError::New(env, "expected what growingFile() made");
  return GrowingFileObject::Unwrap(given.As<Napi::Object>())->file();
}

std::shared_ptr<GrowingFile> claim_growing_file(const Napi::Value& given) {
  const std::shared_ptr<GrowingFile> file = growing_file_of(given);
  auto claimed = file ? GrowingFile::claim(file) : nullptr;
  if (!claimed) throw error_of(given.Env(), {EBUSY, "receive into a growing file for the second time"});
  return claimed;
}

std::shared_ptr<GrowingFile> claim_shared_growing_file(Napi::Env env, uint32_t number) {
  const std::shared_ptr<GrowingFile> file = shared().take(number);
  auto claimed = file ? GrowingFile::claim(file) : nullptr;
  if (!claimed) throw error_of(env, {EBUSY, "write a growing file that somebody writes, or that has ended"});
  return claimed;
}

void init_growing_file(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->growing_file = Napi::Persistent(GrowingFileObject::define(env));
  exports.Set("growingFile", Napi::Function::New<growing_file>(env));
}

}  // namespace sealgate::addon
