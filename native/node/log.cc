// The logs' face in JavaScript, and the end of the process, which waits for what they still hold
// (src/native/logs.ts).
#include "node/addon.h"
#include "node/options.h"
#include "server/process.h"

namespace sealgate::addon {
namespace {

LogField log_field(const Napi::String& given) {
  const std::string name = given.Utf8Value();
  for (size_t i = 0; i < static_cast<size_t>(LogField::count_); i++) {
    if (name == log_field_name(static_cast<LogField>(i))) return static_cast<LogField>(i);
  }
  throw Napi::TypeError::New(given.Env(), "log.fields: there is none called " + name);
}

void open_access_log(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  if (path.empty()) return Engine::instance().access_log.disable();
  const Status status = Engine::instance().access_log.open(path);
  if (!status.ok()) throw Napi::Error::New(info.Env(), path + ": " + describe(status));
  LogFields fields;
  const auto names = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); i++) fields.add(log_field(names.Get(i).As<Napi::String>()));
  Engine::instance().access_fields.store(fields, std::memory_order_relaxed);
}

void open_log(const Napi::CallbackInfo& info) {
  const Status status = Engine::instance().log.open_descriptor(info[0].As<Napi::Number>().Int32Value());
  if (!status.ok()) throw Napi::Error::New(info.Env(), "the log: " + describe(status));
}

// False: it found no room, and is lost.
Napi::Value write_log(const Napi::CallbackInfo& info) {
  Engine& engine = Engine::instance();
  const bool taken = engine.log.write(info[0].As<Napi::String>().Utf8Value());
  if (!taken) engine.log_dropped.fetch_add(1, std::memory_order_relaxed);
  return Napi::Boolean::New(info.Env(), taken);
}

Napi::Object state_of(Napi::Env env, LogSink& sink) {
  const Status failure = sink.failure();
  Napi::Object out = Napi::Object::New(env);
  out.Set("waiting", static_cast<double>(sink.waiting()));
  out.Set("stalledMs", static_cast<double>(sink.stalled()));
  out.Set("failure", failure.ok() ? std::string() : describe(failure));
  return out;
}

Napi::Value logs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Engine& engine = Engine::instance();
  Napi::Object log = state_of(env, engine.log), out = Napi::Object::New(env);
  log.Set("dropped", static_cast<double>(engine.log_dropped.load(std::memory_order_relaxed)));
  out.Set("log", log);
  out.Set("access", state_of(env, engine.access_log));
  return out;
}

// No destructor and no exit handler runs: threads that would be waited for may never end.
void end_process(const Napi::CallbackInfo& info) {
  const int64_t patience = info[1].As<Napi::Number>().Int64Value();
  Engine& engine = Engine::instance();
  engine.access_log.flush(patience);
  engine.log.flush(patience);
  leave_process(info[0].As<Napi::Number>().Int32Value());
}

void forbid_cores(const Napi::CallbackInfo&) { forbid_core_dumps(); }

}  // namespace

void init_log(Napi::Env env, Napi::Object exports) {
  exports.Set("openAccessLog", Napi::Function::New<open_access_log>(env));
  exports.Set("openLog", Napi::Function::New<open_log>(env));
  exports.Set("writeLog", Napi::Function::New<write_log>(env));
  exports.Set("logs", Napi::Function::New<logs>(env));
  exports.Set("forbidCoreDumps", Napi::Function::New<forbid_cores>(env));
  exports.Set("endProcess", Napi::Function::New<end_process>(env));
}

}  // namespace sealgate::addon
