// Private keys, which JavaScript holds without seeing them, and whether TLS options can be used.
#include "node/addon.h"
#include "node/job.h"
#include "node/options.h"
#include "tls/private_key.h"
#include "tls/tls_context.h"

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

Napi::Value fault_of_tls(const Napi::CallbackInfo& info) {
  std::string failure;
  if (TlsContext::create(tls_options(info[0].As<Napi::Object>()), &failure)) return info.Env().Undefined();
  return Napi::String::New(info.Env(), failure);
}

}  // namespace

void init_keys(Napi::Env env, Napi::Object exports) {
  exports.Set("readPrivateKey", Napi::Function::New<read_key>(env));
  exports.Set("isKeyOf", Napi::Function::New<key_is_of>(env));
  exports.Set("faultOfTls", Napi::Function::New<fault_of_tls>(env));
}

}  // namespace sealgate::addon
