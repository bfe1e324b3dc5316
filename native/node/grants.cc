// What credentials give, as the application says it: setGrants and extendGrants (src/native/grants.ts).
#include <limits>

#include "base/clock.h"
#include "node/addon.h"
#include "node/job.h"
#include "node/options.h"
#include "server/signing_key.h"

namespace sealgate::addon {
namespace {

Grants grants(const Napi::Object& given) { return {boolean(given, "all"), texts(given, "some")}; }

void add_token(const Napi::Object& given, GrantTable& out) {
  Sha256 digest;
  if (!read_sha256(text(given, "digest"), &digest))
    throw Napi::TypeError::New(given.Env(), "digest: expected 64 hex digits");
  int64_t expires = std::numeric_limits<int64_t>::max();
  if (!given.Get("expires").IsUndefined()) expires = static_cast<int64_t>(number(given, "expires"));
  out.add_token(digest, {grants(given), expires});
}

using HeldKey = std::shared_ptr<const SigningKey>;

// Undefined: the file holds no key.
Napi::Value read_signing_key(const Napi::CallbackInfo& info) {
  HeldKey key;
  if (const Status status = SigningKey::read(info[0].As<Napi::String>(), &key); !status.ok())
    throw error_of(info.Env(), status);
  if (!key) return info.Env().Undefined();
  return Napi::External<HeldKey>::New(info.Env(), new HeldKey(std::move(key)),
                                      [](Napi::Env, HeldKey* held) { delete held; });
}

Napi::Value sign_text(const Napi::CallbackInfo& info) {
  const HeldKey& key = *info[0].As<Napi::External<HeldKey>>().Data();
  const SignatureText signature = key->sign(std::string(info[1].As<Napi::String>()));
  return Napi::String::New(info.Env(), signature.data(), signature.size());
}

int64_t good_until(const Napi::Value& milliseconds) {
  return monotonic_ms() + milliseconds.As<Napi::Number>().Int64Value();
}

void set_grants(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  auto table = std::make_shared<GrantTable>();
  const auto tokens = object(given, "tokens").As<Napi::Array>();
  for (uint32_t i = 0; i < tokens.Length(); i++) add_token(tokens.Get(i).As<Napi::Object>(), *table);
  const auto subjects = object(given, "subjects").As<Napi::Array>();
  for (uint32_t i = 0; i < subjects.Length(); i++) {
    const auto one = subjects.Get(i).As<Napi::Object>();
    table->add_subject(text(one, "subject"), grants(one));
  }
  const auto keys = object(given, "keys").As<Napi::Array>();
  for (uint32_t i = 0; i < keys.Length(); i++) {
    const auto one = keys.Get(i).As<Napi::Object>();
    table->add_key(text(one, "name"), *one.Get("key").As<Napi::External<HeldKey>>().Data());
  }
  Engine::instance().grants.replace(std::move(table), good_until(info[1]));
}

void extend_grants(const Napi::CallbackInfo& info) { Engine::instance().grants.extend(good_until(info[0])); }

}  // namespace

void init_grants(Napi::Env env, Napi::Object exports) {
  exports.Set("setGrants", Napi::Function::New<set_grants>(env));
  exports.Set("readSigningKey", Napi::Function::New<read_signing_key>(env));
  exports.Set("signText", Napi::Function::New<sign_text>(env));
  exports.Set("extendGrants", Napi::Function::New<extend_grants>(env));
}

}  // namespace sealgate::addon
