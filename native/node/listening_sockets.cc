#include "node/listening_sockets.h"

#include "node/addon.h"
#include "node/job.h"
#include "node/options.h"
#include "server/account.h"
#include "server/service_manager.h"

namespace sealgate::addon {
namespace {

class ListeningSocketsObject : public Napi::ObjectWrap<ListeningSocketsObject> {
 public:
  explicit ListeningSocketsObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<ListeningSocketsObject>(info) {}
  static Napi::Function define(Napi::Env env) {
    using Self = ListeningSocketsObject;
    return DefineClass(
        env, "ListeningSockets",
        {InstanceMethod<&Self::take_passed>("takePassed"), InstanceMethod<&Self::hand_over>("handOver"),
         InstanceMethod<&Self::give>("give"), InstanceMethod<&Self::open>("open"),
         InstanceMethod<&Self::listen>("listen"), InstanceMethod<&Self::all>("all"),
         InstanceMethod<&Self::left>("left"), InstanceMethod<&Self::duplicate>("duplicate"),
         InstanceMethod<&Self::own>("own"), InstanceMethod<&Self::close>("close")});
  }
  ListeningSockets table;

 private:
  void give(const Napi::CallbackInfo& info) {
    std::string failure;
    Fd socket(info[1].As<Napi::Number>().Int32Value());
    if (!table.give(info[0].As<Napi::String>(), std::move(socket), &failure))
      throw Napi::Error::New(info.Env(), failure);
  }
  Napi::Value open(const Napi::CallbackInfo& info) {
    const auto given = info[0].As<Napi::Object>();
    ListeningSockets::Wanted wanted{
        text(given, "name"), {}, boolean(given, "v6Only"), static_cast<size_t>(number(given, "sockets"))};
    const std::string path = text(given, "path");
    if (path.empty() ? !SocketAddress::parse(text(given, "host"),
                                             static_cast<uint16_t>(number(given, "port")), &wanted.address)
                     : !SocketAddress::parse_path(path, &wanted.address))
      throw Napi::TypeError::New(info.Env(), path.empty()
                                                 ? "expected a numeric host"
                                                 : "unix:" + path + ": expected a path of at most 107 bytes");
    std::string failure;
    if (const std::string owner = text(given, "owner"); !owner.empty()) {
      Account account;
      if (!find_account(owner, &account, &failure)) throw Napi::Error::New(info.Env(), failure);
      wanted.user = account.user, wanted.group = account.group;
    }
    wanted.mode = static_cast<mode_t>(number(given, "mode"));
    if (!table.open(wanted, &failure)) throw Napi::Error::New(info.Env(), failure);
    return object_of(info.Env(), table.all().back());
  }
  void take_passed(const Napi::CallbackInfo& info) {
    std::string failure;
    const auto said = info[0].As<Napi::Object>();
    if (!take_passed_sockets({text(said, "process"), text(said, "count"), text(said, "names")}, &table,
                             &failure))
      throw Napi::Error::New(info.Env(), failure);
  }
  void own(const Napi::CallbackInfo& info) { table.own(info[0].As<Napi::String>()); }
  void hand_over(const Napi::CallbackInfo&) { table.hand_over(); }
  void listen(const Napi::CallbackInfo& info) {
    std::string failure;
    if (!table.listen(&failure)) throw Napi::Error::New(info.Env(), failure);
  }
  Napi::Value all(const Napi::CallbackInfo& info) { return array_of(info.Env(), table.all()); }
  Napi::Value left(const Napi::CallbackInfo& info) { return array_of(info.Env(), table.left()); }
  Napi::Value duplicate(const Napi::CallbackInfo& info) {
    const ListenerSockets* const found = table.find(info[0].As<Napi::String>());
    if (!found) throw Napi::Error::New(info.Env(), "duplicate: no such listener");
    Fd copy;
    if (const Status status = ListeningSockets::duplicate(*found, &copy); !status.ok())
      throw error_of(info.Env(), status);
    return Napi::Number::New(info.Env(), copy.release());
  }
  void close(const Napi::CallbackInfo&) { table.close(); }

  Napi::Array array_of(Napi::Env env, const std::vector<ListenerSockets>& listeners) {
    Napi::Array out = Napi::Array::New(env, listeners.size());
    for (uint32_t i = 0; i < listeners.size(); i++) out.Set(i, object_of(env, listeners[i]));
    return out;
  }
  Napi::Object object_of(Napi::Env env, const ListenerSockets& listener) {
    const SocketAddress& address = listener.sockets.front()->address;
    Napi::Array fds = Napi::Array::New(env, listener.sockets.size());
    for (uint32_t i = 0; i < listener.sockets.size(); i++) fds.Set(i, listener.sockets[i]->fd.get());
    Napi::Object out = Napi::Object::New(env);
    out.Set("name", listener.name);
    out.Set("host", address.host());
    out.Set("port", address.port());
    out.Set("path", address.path());
    out.Set("ownsPath", table.owns(address.path()));
    out.Set("fds", fds);
    return out;
  }
};

void become_user(const Napi::CallbackInfo& info) {
  Account account;
  std::string failure;
  if (!find_account(info[0].As<Napi::String>(), &account, &failure) || !become(account, &failure))
    throw Napi::Error::New(info.Env(), failure);
}

void notify(const Napi::CallbackInfo& info) {
  const Status status = notify_manager(info[0].As<Napi::String>(), info[1].As<Napi::String>());
  if (!status.ok()) throw error_of(info.Env(), status);
}

Napi::Value listening_sockets(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Instance>()->listening_sockets.New({});
}

}  // namespace

ListeningSockets& listening_sockets_in(const Napi::Value& given) {
  const Napi::Function constructor = given.Env().GetInstanceData<Instance>()->listening_sockets.Value();
  if (!given.IsObject() || !given.As<Napi::Object>().InstanceOf(constructor))
    throw Napi::TypeError::New(given.Env(), "sockets: expected what listeningSockets() made");
  return ListeningSocketsObject::Unwrap(given.As<Napi::Object>())->table;
}

void init_listening_sockets(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->listening_sockets = Napi::Persistent(ListeningSocketsObject::define(env));
  exports.Set("becomeUser", Napi::Function::New<become_user>(env));
  exports.Set("notifyManager", Napi::Function::New<notify>(env));
  exports.Set("listeningSockets", Napi::Function::New<listening_sockets>(env));
}

}  // namespace sealgate::addon
