// What one server process gives another in JavaScript: connections, open files, and the state that lives in
// memory only (src/native/peer.ts).
#include "base/peer_socket.h"
#include "node/addon.h"
#include "node/files.h"
#include "node/job.h"
#include "tls/ticket_keys.h"

namespace sealgate::addon {

Napi::Value file_object(Napi::Env env, Fd file) {
  return Napi::External<Fd>::New(env, new Fd(std::move(file)), [](Napi::Env, Fd* held) { delete held; });
}

Napi::Array file_objects(Napi::Env env, std::vector<Fd> files) {
  const auto out = Napi::Array::New(env, files.size());
  for (uint32_t i = 0; i < files.size(); i++) out.Set(i, file_object(env, std::move(files[i])));
  return out;
}

Fd copy_of_file(const Napi::Value& given) {
  Fd copy = given.As<Napi::External<Fd>>().Data()->copy();
  if (!copy) throw error_of(given.Env(), Status::last("dup"));
  return copy;
}

namespace {

Napi::Object object_of(Napi::Env env, Fd socket);

class PeerSocketObject : public Napi::ObjectWrap<PeerSocketObject> {
 public:
  explicit PeerSocketObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PeerSocketObject>(info) {}
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "PeerSocket",
        {InstanceMethod<&PeerSocketObject::accept>("accept"), InstanceMethod<&PeerSocketObject::send>("send"),
         InstanceMethod<&PeerSocketObject::receive>("receive"),
         InstanceMethod<&PeerSocketObject::close>("close"), InstanceMethod<&PeerSocketObject::peer>("peer")});
  }
  std::shared_ptr<PeerSocket> socket;

 private:
  Napi::Value accept(const Napi::CallbackInfo& info) {
    return Job<std::shared_ptr<Fd>>::start(
        info.Env(), Engine::instance().peers,
        [from = socket](std::shared_ptr<Fd>* out) {
          *out = std::make_shared<Fd>();
          return from->accept(out->get());
        },
        [](Napi::Env env, const std::shared_ptr<Fd>& made) -> Napi::Value {
          return object_of(env, std::move(*made));
        });
  }

  Napi::Value send(const Napi::CallbackInfo& info) {
    const std::string text = info[0].As<Napi::String>();
    const auto files = std::make_shared<std::vector<Fd>>();
    const auto given = info[1].As<Napi::Array>();
    for (uint32_t i = 0; i < given.Length(); i++) files->push_back(copy_of_file(given.Get(i)));
    return Job<bool>::start(
        info.Env(), Engine::instance().peers,
        [to = socket, text, files](bool*) { return to->send(text, *files); },
        [](Napi::Env env, const bool&) -> Napi::Value { return env.Undefined(); });
  }

  Napi::Value receive(const Napi::CallbackInfo& info) {
    using Message = PeerSocket::Message;
    return Job<std::shared_ptr<Message>>::start(
        info.Env(), Engine::instance().peers,
        [from = socket](std::shared_ptr<Message>* out) {
          *out = std::make_shared<Message>();
          return from->receive(out->get());
        },
        [](Napi::Env env, const std::shared_ptr<Message>& got) -> Napi::Value {
          Napi::Object out = Napi::Object::New(env);
          out.Set("text", got->text);
          out.Set("files", file_objects(env, std::move(got->files)));
          return out;
        });
  }

  void close(const Napi::CallbackInfo&) { socket->close(); }

  Napi::Value peer(const Napi::CallbackInfo& info) {
    const PeerSocket::Peer peer = socket->peer();
    Napi::Object out = Napi::Object::New(info.Env());
    out.Set("pid", peer.pid);
    out.Set("uid", peer.uid);
    out.Set("isSameUser", peer.is_same_user);
    return out;
  }
};

Napi::Object object_of(Napi::Env env, Fd socket) {
  const Napi::Object object = env.GetInstanceData<Instance>()->peer_socket.New({});
  PeerSocketObject::Unwrap(object)->socket = std::make_shared<PeerSocket>(std::move(socket));
  return object;
}

template <Status (*open)(const std::string&, const std::string&, Fd*)>
Napi::Value opened(const Napi::CallbackInfo& info) {
  Fd socket;
  const Status status = open(info[0].As<Napi::String>(), info[1].As<Napi::String>(), &socket);
  if (!status.ok()) throw error_of(info.Env(), status);
  return object_of(info.Env(), std::move(socket));
}

// A copy of a descriptor of this process.
Napi::Value file_of(const Napi::CallbackInfo& info) {
  Fd copy = Fd::copy_of(info[0].As<Napi::Number>().Int32Value());
  if (!copy) throw error_of(info.Env(), Status::last("dup"));
  return file_object(info.Env(), std::move(copy));
}

// Whoever asks for the number has to close it.
Napi::Value take_file(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), info[0].As<Napi::External<Fd>>().Data()->release());
}

void close_file(const Napi::CallbackInfo& info) { info[0].As<Napi::External<Fd>>().Data()->reset(); }

Napi::Value shared_state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<Fd> files(2);
  files[0] = Engine::instance().epochs.memory().copy();
  if (!files[0]) throw Napi::Error::New(env, "the kernel gave no memory that processes can share");
  if (const Status status = TicketKeys::instance().save(&files[1]); !status.ok()) throw error_of(env, status);
  return file_objects(env, std::move(files));
}

void adopt_shared_state(const Napi::CallbackInfo& info) {
  const auto files = info[0].As<Napi::Array>();
  if (files.Length() != 2) throw Napi::TypeError::New(info.Env(), "expected two files");
  Status status = Engine::instance().epochs.adopt(copy_of_file(files.Get(0u)));
  if (status.ok()) status = TicketKeys::instance().load(copy_of_file(files.Get(1u)));
  if (!status.ok()) throw error_of(info.Env(), status);
}

}  // namespace

void init_peer(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->peer_socket = Napi::Persistent(PeerSocketObject::define(env));
  exports.Set("listenForPeers", Napi::Function::New<opened<PeerSocket::listen>>(env));
  exports.Set("connectToPeer", Napi::Function::New<opened<PeerSocket::connect>>(env));
  exports.Set("fileOf", Napi::Function::New<file_of>(env));
  exports.Set("takeFile", Napi::Function::New<take_file>(env));
  exports.Set("closeFile", Napi::Function::New<close_file>(env));
  exports.Set("sharedState", Napi::Function::New<shared_state>(env));
  exports.Set("adoptSharedState", Napi::Function::New<adopt_shared_state>(env));
}

}  // namespace sealgate::addon
