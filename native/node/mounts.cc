// The engine's table of mounts for the application: mountTable (src/native/mounts.ts).
#include "node/addon.h"
#include "node/options.h"

namespace sealgate::addon {
namespace {

Napi::Value mount_table(const Napi::CallbackInfo& info) {
  const auto table = std::make_shared<const MountTable>(mounts_in(info[0].As<Napi::Array>()));
  return Napi::Function::New(info.Env(), [table](const Napi::CallbackInfo& asked) -> Napi::Value {
    const std::string authority = asked[0].As<Napi::String>();
    const std::string target = asked[1].As<Napi::String>();
    const Mount* const found = table->find(authority, target);
    return Napi::Number::New(asked.Env(), found ? found->id : 0);
  });
}

}  // namespace

void init_mounts(Napi::Env env, Napi::Object exports) {
  exports.Set("mountTable", Napi::Function::New<mount_table>(env));
}

}  // namespace sealgate::addon
