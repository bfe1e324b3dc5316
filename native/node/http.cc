// HTTP's rules that the application needs as the engine has them: mayChange (src/native/addon.ts).
#include "http/representation.h"
#include "node/addon.h"
#include "node/options.h"

namespace sealgate::addon {
namespace {

// The bytes of conditions that JavaScript has as strings, and views of those that are there.
class ConditionsText {
 public:
  explicit ConditionsText(const Napi::Object& given) {
    read(given, "ifMatch", if_match_, conditions.if_match);
    read(given, "ifNoneMatch", if_none_match_, conditions.if_none_match);
    read(given, "ifUnmodifiedSince", if_unmodified_since_, conditions.if_unmodified_since);
  }
  ConditionsText(const ConditionsText&) = delete;
  ConditionsText& operator=(const ConditionsText&) = delete;

  Conditions conditions;

 private:
  static void read(const Napi::Object& given, const char* name, std::string& owner, std::string_view& view) {
    if (given.Get(name).IsUndefined()) return;
    owner = text(given, name);
    view = owner;
  }
  std::string if_match_, if_none_match_, if_unmodified_since_;
};

Napi::Value may_change_here(const Napi::CallbackInfo& info) {
  const ConditionsText asked(info[0].As<Napi::Object>());
  if (info[1].IsUndefined()) return Napi::Boolean::New(info.Env(), may_change(asked.conditions, nullptr));
  const auto there = info[1].As<Napi::Object>();
  const std::string etag = text(there, "etag");
  const Validators current{etag, static_cast<int64_t>(number(there, "lastModified"))};
  return Napi::Boolean::New(info.Env(), may_change(asked.conditions, &current));
}

}  // namespace

void init_http(Napi::Env env, Napi::Object exports) {
  exports.Set("mayChange", Napi::Function::New<may_change_here>(env));
}

}  // namespace sealgate::addon
