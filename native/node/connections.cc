// What a reactor tells of its live connections, as a promise of JavaScript objects.
#include <chrono>
#include <future>

#include "node/addon.h"
#include "node/job.h"

namespace sealgate::addon {
namespace {

constexpr std::chrono::seconds kListTimeout{2};  // a reactor that has ended never answers

Napi::Object connection_info(Napi::Env env, const ConnectionInfo& info) {
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, std::string_view value) { out.Set(name, std::string(value)); };
  set("peer", info.peer);
  set("serverName", info.server_name);
  out.Set("listener", static_cast<double>(info.listener));
  set("state", info.state);
  set("group", info.group);
  set("suite", info.suite);
  constexpr const char* kNames[] = {"tx", "rx"};
  for (size_t i = 0; i < 2; i++) {
    Napi::Object direction = Napi::Object::New(env);
    direction.Set("by", std::string(info.owners[i]));
    direction.Set("reason", std::string(info.reasons[i]));
    direction.Set("mode", std::string(ktls_mode_name(info.modes.by_direction[i])));
    out.Set(kNames[i], direction);
  }
  out.Set("zeroCopy", info.modes.zero_copy);
  out.Set("ageSeconds", info.age);
  out.Set("received", static_cast<double>(info.received));
  out.Set("sent", static_cast<double>(info.sent));
  out.Set("keyBudgetUsed", info.key_budget_used);
  return out;
}

Napi::Value connection_infos(Napi::Env env, const std::vector<ConnectionInfo>& infos) {
  Napi::Array out = Napi::Array::New(env, infos.size());
  for (uint32_t i = 0; i < infos.size(); i++) out.Set(i, connection_info(env, infos[i]));
  return out;
}

}  // namespace

Napi::Value list_connections(Napi::Env env, std::shared_ptr<Reactor> reactor, size_t limit) {
  using Infos = std::vector<ConnectionInfo>;
  const auto ask = [reactor = std::move(reactor), limit](Infos* out) -> Status {
    auto told = std::make_shared<std::promise<Infos>>();
    std::future<Infos> answer = told->get_future();
    reactor->list(limit, [told](Infos infos) { told->set_value(std::move(infos)); });
    if (answer.wait_for(kListTimeout) != std::future_status::ready) return {ETIMEDOUT, "reactor"};
    *out = answer.get();
    return {};
  };
  return Job<Infos>::start(env, Engine::instance().asking, ask, connection_infos);
}

}  // namespace sealgate::addon
