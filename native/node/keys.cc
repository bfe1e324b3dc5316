// Private keys, which JavaScript holds without seeing them.
#include "node/addon.h"
#include "node/job.h"
#include "tls/private_key.h"

namespace sealgate::addon {
namespace {

Napi::Value read_key(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return Job<PrivateKey>::start(
      info.Env(), Engine::instance().io, [path](PrivateKey* out) { return read_private_key(path, out); },
      [](Napi::Env env, const PrivateKey& key) -> Napi::Value {
        if (!key) return env.Undefined();
        return Napi::External<PrivateKey>::New(env, new PrivateKey(key),
                                               [](Napi::Env, PrivateKey* held) { delete held; });
      });
}

Napi::Value key_is_of(const Napi::CallbackInfo& info) {
  const PrivateKey& key = *info[0].As<Napi::External<PrivateKey>>().Data();
  return Napi::Boolean::New(info.Env(), is_key_of(key, info[1].As<Napi::String>()));
}

}  // namespace

void init_keys(Napi::Env env, Napi::Object exports) {
  exports.Set("readPrivateKey", Napi::Function::New<read_key>(env));
  exports.Set("isKeyOf", Napi::Function::New<key_is_of>(env));
}

}  // namespace sealgate::addon
