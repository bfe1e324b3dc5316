#include "node/partial_file.h"

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "node/addon.h"
#include "node/job.h"
#include "node/options.h"

namespace sealgate::addon {
namespace {

constexpr double kMostBytes = 9007199254740991;  // Number.MAX_SAFE_INTEGER

std::optional<uint64_t> bytes_left(const Napi::Value& given) {
  if (given.IsUndefined()) return std::nullopt;
  const double left = given.IsNumber() ? given.As<Napi::Number>().DoubleValue() : -1;
  if (!(left >= 0 && left <= kMostBytes && left == std::floor(left)))
    throw Napi::RangeError::New(given.Env(), "left: expected a whole number of bytes");
  return static_cast<uint64_t>(left);
}

class PartialFileObject : public Napi::ObjectWrap<PartialFileObject> {
 public:
  explicit PartialFileObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PartialFileObject>(info),
        file(std::make_shared<PartialFile>(info[0].As<Napi::String>(), digest_names(info[1]),
                                           bytes_left(info[2]))) {}
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PartialFile",
                       {InstanceMethod<&PartialFileObject::finish>("finish"),
                        InstanceMethod<&PartialFileObject::interrupt>("interrupt"),
                        InstanceAccessor<&PartialFileObject::path>("path"),
                        InstanceAccessor<&PartialFileObject::size>("size"),
                        InstanceAccessor<&PartialFileObject::busy>("busy"),
                        InstanceAccessor<&PartialFileObject::finished>("finished"),
                        InstanceAccessor<&PartialFileObject::lost>("lost")});
  }
  const std::shared_ptr<PartialFile> file;

 private:
  Napi::Value finish(const Napi::CallbackInfo& info) {
    const auto claimed = PartialFile::claim(file);
    if (claimed) claimed->finish();
    return Napi::Boolean::New(info.Env(), claimed != nullptr);
  }
  void interrupt(const Napi::CallbackInfo&) { file->interrupt(); }
  Napi::Value path(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), file->path()); }
  Napi::Value size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(file->size()));
  }
  Napi::Value busy(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), file->busy()); }
  Napi::Value finished(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), file->finished());
  }
  Napi::Value lost(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), file->lost()); }
};

Napi::Value partial_file(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Instance>()->partial_file.New({info[0], info[1], info[2]});
}

}  // namespace

std::shared_ptr<PartialFile> claim_partial_file(const Napi::Value& given, const Napi::Value& at) {
  const Napi::Env env = given.Env();
  const Napi::Function constructor = env.GetInstanceData<Instance>()->partial_file.Value();
  if (!given.IsObject() || !given.As<Napi::Object>().InstanceOf(constructor))
    throw Napi::TypeError::New(env, "file: expected what partialFile() made");
  auto claimed = PartialFile::claim(PartialFileObject::Unwrap(given.As<Napi::Object>())->file);
  if (!claimed)
    throw error_of(env, {EBUSY, "append to a file that another request writes to, or that has ended"});
  if (at.IsNumber() && static_cast<double>(claimed->size()) != at.As<Napi::Number>().DoubleValue())
    throw error_of(env, {EBUSY, "append to a file that another request has written to"});
  return claimed;
}

void init_partial_file(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->partial_file = Napi::Persistent(PartialFileObject::define(env));
  exports.Set("partialFile", Napi::Function::New<partial_file>(env));
}

}  // namespace sealgate::addon
