// The rollout's face in JavaScript: setRollout, lastMove and what live connections are doing
// (src/native/addon.ts).
#include "node/addon.h"
#include "node/job.h"
#include "node/options.h"

namespace sealgate::addon {
namespace {

constexpr const char* kPhases[] = {"instrument", "tx-canary", "rx", "hw-offload"};

Phase phase_of(const Napi::Object& given) {
  const std::string name = text(given, "phase");
  for (size_t i = 0; i < std::size(kPhases); i++) {
    if (name == kPhases[i]) return static_cast<Phase>(i);
  }
  throw Napi::TypeError::New(given.Env(), "phase: there is none called " + name);
}

std::vector<AddressPrefix> prefixes(const Napi::Object& given) {
  std::vector<AddressPrefix> out;
  for (const std::string& each : texts(given, "clients")) {
    AddressPrefix prefix;
    if (!AddressPrefix::parse(each, &prefix))
      throw Napi::TypeError::New(given.Env(), "clients: no address or prefix: " + each);
    out.push_back(prefix);
  }
  return out;
}

void set_rollout(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  const Napi::Object slice = object(given, "slice");
  auto rollout = std::make_shared<Rollout>();
  rollout->phase = phase_of(given);
  const double canary = number(given, "canary");
  if (!(canary >= 0 && canary <= 1))
    throw Napi::TypeError::New(info.Env(), "canary: expected a share from 0 to 1");
  rollout->canary = static_cast<uint32_t>(canary * Rollout::kWhole + 0.5);
  rollout->sticky = boolean(given, "sticky");
  const std::string salt = text(given, "salt");
  salt.copy(reinterpret_cast<char*>(rollout->salt.data()), rollout->salt.size());
  rollout->clients = prefixes(slice);
  rollout->server_names = texts(slice, "serverNames");
  const auto listeners = object(slice, "listeners").As<Napi::Array>();
  for (uint32_t i = 0; i < listeners.Length(); i++) {
    rollout->listeners.push_back(listeners.Get(i).As<Napi::Number>().Uint32Value());
  }
  rollout->protocols = protocols_in(slice);
  rollout->ciphers = ciphers_in(slice);
  rollout->min_bytes = static_cast<uint64_t>(number(slice, "minBytes"));
  const Napi::Object sentinels = object(given, "sentinels");
  rollout->sentinel_canary = text(sentinels, "canary");
  rollout->sentinel_control = text(sentinels, "control");
  Engine::instance().rollout.store(std::move(rollout));
}

// Seconds since the epoch; 0: no connection has moved yet.
Napi::Value last_move(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Engine::instance().last_move.load()) / 1e6);
}

}  // namespace

void init_rollout(Napi::Env env, Napi::Object exports) {
  exports.Set("setRollout", Napi::Function::New<set_rollout>(env));
  exports.Set("lastMove", Napi::Function::New<last_move>(env));
}

}  // namespace sealgate::addon
