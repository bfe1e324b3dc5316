// The reactor's face in JavaScript: createReactor, runReactor, onEvents, epochs, probeKtls
// (src/native/addon.ts).
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <unordered_map>

#include "node/addon.h"
#include "node/options.h"
#include "node/plan.h"
#include "server/reactor.h"
#include "tls/ktls.h"
#include "tls/ticket_keys.h"

namespace sealgate::addon {
namespace {

// Reactors are made on the application's thread and run on workers', so they are found by id, process-wide.
class Registry {
 public:
  uint32_t next_id() {
    std::lock_guard lock(mutex_);
    return ++last_id_;
  }
  void add(std::shared_ptr<Reactor> reactor) {
    std::lock_guard lock(mutex_);
    reactors_.emplace(reactor->id(), std::move(reactor));
  }
  // For the thread that runs it, which says when it has ended.
  std::shared_ptr<Reactor> take(uint32_t id) {
    std::lock_guard lock(mutex_);
    auto node = reactors_.extract(id);
    if (!node) return nullptr;
    running_.emplace(id, node.mapped());
    return std::move(node.mapped());
  }
  void ended(uint32_t id) {
    std::lock_guard lock(mutex_);
    running_.erase(id);
    changed_.notify_all();
  }
  // Cuts all connections. False when not every reactor has ended in time.
  bool stop_all(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    for (const auto& [id, reactor] : running_) reactor->stop(0);
    return changed_.wait_for(lock, patience, [this] { return running_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t last_id_ = 0;
  std::unordered_map<uint32_t, std::shared_ptr<Reactor>> reactors_, running_;
};

Registry& registry() {
  static Registry* const instance = new Registry();
  return *instance;
}

// --- the Reactor class ---

class ReactorObject : public Napi::ObjectWrap<ReactorObject> {
 public:
  explicit ReactorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReactorObject>(info) {}

  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Reactor",
        {InstanceAccessor<&ReactorObject::id>("id"), InstanceMethod<&ReactorObject::answer>("answer"),
         InstanceMethod<&ReactorObject::stop>("stop"), InstanceMethod<&ReactorObject::wind_down>("windDown"),
         InstanceMethod<&ReactorObject::retire>("retire"),
         InstanceMethod<&ReactorObject::replace_tls>("replaceTls"),
         InstanceMethod<&ReactorObject::replace_mounts>("replaceMounts"),
         InstanceMethod<&ReactorObject::replace_trusted_proxies>("replaceTrustedProxies"),
         InstanceMethod<&ReactorObject::replace_rate_limits>("replaceRateLimits"),
         InstanceMethod<&ReactorObject::replace_limits>("replaceLimits"),
         InstanceMethod<&ReactorObject::drop_stale_plans>("dropStalePlans"),
         InstanceMethod<&ReactorObject::connections>("connections"),
         InstanceMethod<&ReactorObject::counters>("counters"),
         InstanceMethod<&ReactorObject::sites>("sites")});
  }
  void adopt(std::shared_ptr<Reactor> reactor) { reactor_ = std::move(reactor); }

 private:
  Reactor& reactor() {
    if (!reactor_) throw Napi::Error::New(Env(), "Reactor: made by createReactor only");
    return *reactor_;
  }
  Napi::Value id(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), reactor().id()); }
  void answer(const Napi::CallbackInfo& info) {
    const double request = info[0].As<Napi::Number>().DoubleValue();
    reactor().answer(static_cast<uint64_t>(request), plan_of(info[1].As<Napi::Object>()));
  }
  void wind_down(const Napi::CallbackInfo&) { reactor().wind_down(); }
  void stop(const Napi::CallbackInfo& info) { reactor().stop(info[0].As<Napi::Number>().Int64Value()); }
  void retire(const Napi::CallbackInfo& info) {
    reactor().retire(info[0].As<Napi::Number>().Int64Value(), info[1].As<Napi::Number>().Int64Value());
  }
  void replace_tls(const Napi::CallbackInfo& info) {
    std::string failure;
    if (!reactor().replace_tls(tls_options(info[0].As<Napi::Object>()), &failure))
      throw Napi::Error::New(info.Env(), failure);
  }
  void replace_mounts(const Napi::CallbackInfo& info) {
    reactor().replace_mounts(mounts_in(info[0].As<Napi::Array>()));
  }
  void replace_trusted_proxies(const Napi::CallbackInfo& info) {
    reactor().replace_forwarding(forwarding_in(info[0].As<Napi::Object>()));
  }
  void replace_rate_limits(const Napi::CallbackInfo& info) {
    reactor().replace_rate_limits(rate_limits_in(info[0].As<Napi::Array>()));
  }
  void replace_limits(const Napi::CallbackInfo& info) {
    reactor().replace_limits(reactor_limits(info[0].As<Napi::Object>()));
  }
  void drop_stale_plans(const Napi::CallbackInfo&) { reactor().drop_stale_plans(); }
  Napi::Value connections(const Napi::CallbackInfo& info) {
    (void)reactor();
    return list_connections(info.Env(), reactor_, info[0].As<Napi::Number>().Uint32Value());
  }
  Napi::Value counters(const Napi::CallbackInfo& info) {
    Napi::Object out = Napi::Object::New(info.Env());
    reactor().counters().each(
        [&](const std::string& name, uint64_t value) { out.Set(name, static_cast<double>(value)); });
    return out;
  }

  Napi::Value sites(const Napi::CallbackInfo& info) {
    Napi::Object out = Napi::Object::New(info.Env());
    reactor().sites().each(
        [&](const std::string& name, uint64_t value) { out.Set(name, static_cast<double>(value)); });
    return out;
  }

  std::shared_ptr<Reactor> reactor_;
};

Napi::Value create_reactor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t id = registry().next_id();
  std::string failure;
  std::shared_ptr<Reactor> reactor =
      Reactor::create(id, reactor_options(info[0].As<Napi::Object>()), Engine::instance(), &failure);
  if (!reactor) throw Napi::Error::New(env, failure);
  registry().add(reactor);
  const Napi::Object object = env.GetInstanceData<Instance>()->reactor.New({});
  ReactorObject::Unwrap(object)->adopt(std::move(reactor));
  return object;
}

void run_reactor(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Reactor> reactor = registry().take(info[0].As<Napi::Number>().Uint32Value());
  if (!reactor) throw Napi::Error::New(info.Env(), "runReactor: no such reactor, or it runs already");
  reactor->run();
  registry().ended(reactor->id());
}

// --- events to the application ---

Napi::String latin1(Napi::Env env, const std::string& value) {
  napi_value out;
  if (napi_create_string_latin1(env, value.data(), value.size(), &out) != napi_ok)
    throw Napi::Error::New(env);
  return {env, out};
}

// A batch of events as one array. A request is so many words in a row (src/native/events.ts), as there is one
// for each object asked for the first time; all others are objects.
class Batch {
 public:
  Batch(Napi::Env env, size_t events) : env_(env), words_(Napi::Array::New(env, events)) {}
  Napi::Array words() const { return words_; }

  void add(uint32_t reactor, const RequestEvent& event) {
    add(Napi::Number::New(env_, reactor));
    add(Napi::Number::New(env_, static_cast<double>(event.request)));
    add(Napi::Number::New(env_, event.mount));
    add(Napi::Number::New(env_, event.codings));
    add(latin1(env_, event.method));
    add(latin1(env_, event.target));
    add(latin1(env_, event.head));
    add(latin1(env_, event.authority));
    add(Napi::Boolean::New(env_, event.has_body));
    add(Napi::String::New(env_, event.subject));
    add(latin1(env_, event.name));
    add(latin1(env_, event.access));
  }
  void add(uint32_t reactor, const ReceivedEvent& event) {
    Napi::Object out = object(reactor, "received");
    out.Set("request", static_cast<double>(event.request));
    out.Set("digest", event.digest);
    out.Set("size", static_cast<double>(event.size));
    out.Set("staging", event.staging);
    set_digests(out, event.digests);
  }
  void add(uint32_t reactor, const BodyEvent& event) {
    Napi::ArrayBuffer bytes = Napi::ArrayBuffer::New(env_, event.size);
    std::copy_n(event.bytes.get(), event.size, static_cast<char*>(bytes.Data()));
    Napi::Object out = object(reactor, "body");
    out.Set("request", static_cast<double>(event.request));
    out.Set("bytes", Napi::Uint8Array::New(env_, event.size, bytes, 0));
  }
  void add(uint32_t reactor, const AbortedEvent& event) {
    object(reactor, "aborted").Set("request", static_cast<double>(event.request));
  }
  void add(uint32_t reactor, const BrokenEvent& event) {
    Napi::Object out = object(reactor, "broken");
    out.Set("digest", event.digest);
    out.Set("reason", std::string(seal_break_name(event.reason)));
  }

 private:
  void add(const Napi::Value& word) { words_.Set(size_++, word); }
  Napi::Object object(uint32_t reactor, const char* kind) {
    Napi::Object out = Napi::Object::New(env_);
    out.Set("kind", kind);
    out.Set("reactor", reactor);
    add(out);
    return out;
  }

  Napi::Env env_;
  Napi::Array words_;
  uint32_t size_ = 0;
};

void hand_over_events(Napi::Env env, Napi::Function handler) {
  if (!env) return;                                          // the environment is going down
  static auto& events = *new std::vector<ApplicationEvent>;  // of the one thread that answers
  Engine::instance().application.drain(events);
  if (events.empty()) return;
  const Napi::HandleScope scope(env);
  Batch batch(env, events.size());
  for (const ApplicationEvent& event : events) {
    std::visit([&](const auto& what) { batch.add(event.reactor, what); }, event.what);
  }
  const Mailbox::Batch answers_together;
  events.clear();
  handler.Call({batch.words()});
}

void on_events(const Napi::CallbackInfo& info) {
  static std::mutex mutex;
  static Napi::ThreadSafeFunction* connected = nullptr;  // outlives every reactor that may notify
  const std::lock_guard lock(mutex);
  ApplicationQueue& queue = Engine::instance().application;
  queue.connect(nullptr);
  if (connected) {
    connected->Release();
    delete std::exchange(connected, nullptr);
  }
  if (!info[0].IsFunction()) return;
  connected = new Napi::ThreadSafeFunction(
      Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(), "sealgate application", 0, 1));
  queue.connect([tsfn = *connected] { tsfn.NonBlockingCall(hand_over_events); });
}

// --- the rest ---

void stop_reactors(const Napi::CallbackInfo& info) {
  registry().stop_all(std::chrono::milliseconds(info[0].As<Napi::Number>().Int64Value()));
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  const std::vector<KtlsCapability> matrix = probe_ktls();
  Napi::Array out = Napi::Array::New(info.Env(), matrix.size());
  for (uint32_t i = 0; i < matrix.size(); i++) {
    const KtlsCapability& found = matrix[i];
    Napi::Object one = Napi::Object::New(info.Env());
    one.Set("protocol", std::string(version_name(found.version)));
    one.Set("cipher", std::string(aead_name(found.aead)));
    one.Set("direction", found.direction == Direction::tx ? "tx" : "rx");
    one.Set("works", found.works);
    one.Set("rekeys", found.rekeys);
    one.Set("failure", found.works ? std::string() : describe(found.failure));
    out.Set(i, one);
  }
  return out;
}

Napi::Value body_memory(const Napi::CallbackInfo& info) {
  const BodyMemory& bodies = Engine::instance().bodies;
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("taken", static_cast<double>(bodies.taken_bytes()));
  out.Set("most", static_cast<double>(bodies.most_bytes()));
  return out;
}

void rotate_ticket_keys(const Napi::CallbackInfo& info) {
  if (!TicketKeys::instance().rotate()) throw Napi::Error::New(info.Env(), "no randomness for ticket keys");
}

Napi::Value read_epoch(const Napi::CallbackInfo& info) {
  const uint64_t epoch = Engine::instance().epochs.read(info[0].As<Napi::Number>().Uint32Value());
  return Napi::Number::New(info.Env(), static_cast<double>(epoch));
}

void bump_epoch(const Napi::CallbackInfo& info) {
  Engine::instance().epochs.bump(info[0].As<Napi::Number>().Uint32Value());
}

}  // namespace

void init_reactor(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<Instance>()->reactor = Napi::Persistent(ReactorObject::define(env));
  exports.Set("createReactor", Napi::Function::New<create_reactor>(env));
  exports.Set("runReactor", Napi::Function::New<run_reactor>(env));
  exports.Set("stopReactors", Napi::Function::New<stop_reactors>(env));
  exports.Set("onEvents", Napi::Function::New<on_events>(env));
  exports.Set("bodyMemory", Napi::Function::New<body_memory>(env));
  exports.Set("probeKtls", Napi::Function::New<probe>(env));
  exports.Set("rotateTicketKeys", Napi::Function::New<rotate_ticket_keys>(env));
  exports.Set("readEpoch", Napi::Function::New<read_epoch>(env));
  exports.Set("bumpEpoch", Napi::Function::New<bump_epoch>(env));
  exports.Set("epochSlots", static_cast<double>(Epochs::kSlots));
}

}  // namespace sealgate::addon
