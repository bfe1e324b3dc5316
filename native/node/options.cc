#include "node/options.h"

#include <algorithm>

#include "node/listening_sockets.h"
#include "node/plan.h"
#include "server/access.h"
#include "server/cors.h"

namespace sealgate::addon {
namespace {

[[noreturn]] void expected(const Napi::Object& from, const char* name, const char* what) {
  throw Napi::TypeError::New(from.Env(), std::string(name) + ": expected " + what);
}

std::shared_ptr<const Cors> cors_rule(const Napi::Object& from, const char* name) {
  if (from.Get(name).IsUndefined()) return nullptr;
  const Napi::Object given = object(from, name);
  auto out = std::make_shared<Cors>();
  out->any = boolean(given, "any");
  out->origins = texts(given, "origins");
  out->echoed = texts(given, "echoed");
  out->fields = response_fields(given);
  return out;
}

std::vector<AddressPrefix> networks(const Napi::Object& given, const char* name) {
  std::vector<AddressPrefix> out;
  for (const std::string& each : texts(given, name)) {
    AddressPrefix network;
    if (!AddressPrefix::parse_peers(each, &network)) expected(given, name, "networks");
    out.push_back(network);
  }
  return out;
}

// With the sockets that one of so many workers borrows.
ListenerOptions listener_options(const Napi::Object& given, const ListeningSockets& table, size_t worker,
                                 size_t workers) {
  const ListenerSockets* const found = table.find(text(given, "name"));
  if (!found) expected(given, "name", "that of a listener whose sockets are open");
  ListenerOptions out{ListeningSockets::share_of(*found, worker, workers), found->sockets.size() < workers,
                      boolean(given, "tls"), boolean(given, "http2")};
  out.proxied = given.Get("proxyProtocol").IsObject();
  if (out.proxied) out.proxies = networks(object(given, "proxyProtocol"), "from");
  return out;
}

std::unique_ptr<const Signing> signing(const Napi::Object& from, const char* name) {
  if (from.Get(name).IsUndefined()) return nullptr;
  const Napi::Object given = object(from, name);
  auto out = std::make_unique<Signing>();
  out->site = text(given, "site");
  out->required = boolean(given, "required");
  out->grants.some = {text(given, "grant")};
  const auto keys = object(given, "keys").As<Napi::Array>();
  for (uint32_t i = 0; i < keys.Length(); i++) {
    const auto one = keys.Get(i).As<Napi::Object>();
    out->keys.push_back({text(one, "id"), text(one, "name")});
  }
  return out;
}

std::shared_ptr<const Access> access_rule(const Napi::Object& from, const char* name) {
  if (from.Get(name).IsUndefined()) return nullptr;
  const Napi::Object given = object(from, name);
  return std::make_shared<Access>(networks(given, "allow"), networks(given, "deny"),
                                  signing(given, "signed"));
}

template <typename Name, size_t N>
std::array<bool, N> listed(const std::vector<std::string>& names, std::string_view (*name_of)(Name)) {
  std::array<bool, N> out{};
  for (size_t i = 0; i < N; i++) {
    out[i] = std::find(names.begin(), names.end(), name_of(static_cast<Name>(i))) != names.end();
  }
  return out;
}

KtlsPolicy ktls_policy(const Napi::Object& given) {
  KtlsPolicy out;
  out.on = text(given, "mode") != "off";
  out.directions = {boolean(given, "tx"), boolean(given, "rx")};
  out.protocols = protocols_in(given);
  out.ciphers = ciphers_in(given);
  out.min_bytes = static_cast<uint64_t>(number(given, "minBytes"));
  out.records_per_key = static_cast<uint64_t>(number(given, "recordsPerKey"));
  out.ask_modes = boolean(given, "askModes");
  const std::string zero_copy = text(given, "zeroCopy");
  out.zero_copy = zero_copy == "always"   ? ZeroCopy::always
                  : zero_copy == "device" ? ZeroCopy::device
                                          : ZeroCopy::off;
  return out;
}

void read_limits(const Napi::Object& given, ReactorOptions& out) {
  const auto size = [&](const char* name) { return static_cast<size_t>(number(given, name)); };
  static_cast<ReactorLimits&>(out) = reactor_limits(given);
  out.connections = size("connections");
  out.plan_cache_bytes = size("planCacheBytes");
  out.plan_cache_entries = size("planCacheEntries");
  out.application_requests = size("applicationRequests");
  out.uploads = size("uploads");
}

void read_problems(const Napi::Object& given, ReactorOptions& out) {
  for (size_t i = 1; i < out.problems.size(); i++) {
    const std::string name(problem_name(static_cast<Problem>(i)));
    const Napi::Object answer = object(given, name.c_str());
    out.problems[i] = respond_plan(answer);
  }
}

}  // namespace

ReactorLimits reactor_limits(const Napi::Object& given) {
  const auto size = [&](const char* name) { return static_cast<size_t>(number(given, name)); };
  const auto milliseconds = [&](const char* name) { return static_cast<int64_t>(number(given, name)); };
  ReactorLimits out;
  out.http = {size("targetBytes"), size("headBytes"), size("fields"), size("ranges")};
  out.small_body_bytes = size("smallBodyBytes");
  out.proxy_timeout = milliseconds("proxyTimeout");
  out.handshake_timeout = milliseconds("handshakeTimeout");
  out.head_timeout = milliseconds("headTimeout");
  out.idle_timeout = milliseconds("idleTimeout");
  out.stall_timeout = milliseconds("stallTimeout");
  out.application_timeout = milliseconds("applicationTimeout");
  out.min_rate = size("minRate");
  return out;
}

SealLevel seal_level(const Napi::Value& given) {
  const std::string name = given.ToString();
  const std::optional<SealLevel> level = seal_level_named(name);
  if (!level) throw Napi::TypeError::New(given.Env(), "expected a seal level, got " + name);
  return *level;
}

DigestNames digest_names(const Napi::Value& given) {
  DigestNames names;
  if (given.IsUndefined()) return names;
  const napi_env env = given.Env();
  if (!given.IsArray()) throw Napi::TypeError::New(env, "digests: expected an array");
  const auto list = given.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const std::string text = list.Get(i).ToString();
    const std::optional<DigestName> name = digest_named(text);
    if (!name) throw Napi::TypeError::New(env, "digests: there is none called " + text);
    if (std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(*name);
  }
  return names;
}

void set_digests(Napi::Object out, const NamedDigests& digests) {
  if (digests.empty()) return;
  Napi::Object all = Napi::Object::New(out.Env());
  for (const auto& [name, value] : digests) all.Set(std::string(digest_name(name)), value);
  out.Set("digests", all);
}

std::array<bool, 2> protocols_in(const Napi::Object& given) {
  return listed<TlsVersion, 2>(texts(given, "protocols"), version_name);
}

std::array<bool, kAeads> ciphers_in(const Napi::Object& given) {
  return listed<Aead, kAeads>(texts(given, "ciphers"), aead_name);
}

double number(const Napi::Object& from, const char* name) {
  double value = 0;
  if (napi_get_value_double(from.Env(), from.Get(name), &value) != napi_ok) expected(from, name, "a number");
  return value;
}

bool boolean(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (!value.IsBoolean()) expected(from, name, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

// Most texts of a plan are short: one call reads them, where Utf8Value makes two.
bool read_text(napi_env env, napi_value value, std::string* out) {
  char buffer[256];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, buffer, sizeof buffer, &length) != napi_ok) return false;
  // A character that did not fit leaves up to three bytes free.
  if (length + 4 < sizeof buffer) {
    out->assign(buffer, length);
  } else {
    *out = Napi::String(env, value).Utf8Value();
  }
  return true;
}

std::string text(const Napi::Object& from, const char* name) {
  std::string out;
  if (!read_text(from.Env(), from.Get(name), &out)) expected(from, name, "a string");
  return out;
}

std::vector<std::string> texts(const Napi::Object& from, const char* name) {
  const auto list = object(from, name).As<Napi::Array>();
  std::vector<std::string> out;
  for (uint32_t i = 0; i < list.Length(); i++) out.push_back(list.Get(i).As<Napi::String>().Utf8Value());
  return out;
}

std::string bytes(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (!value.IsTypedArray()) expected(from, name, "a string or a Uint8Array");
  const auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

Napi::Object object(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (!value.IsObject()) expected(from, name, "an object");
  return value.As<Napi::Object>();
}

Forwarding forwarding_in(const Napi::Object& given) {
  return {networks(given, "from"), text(given, "field") == "Forwarded"};
}

// A burst is bounded so that its time, in nanoseconds, is a number of 64 bits.
RateLimits rate_limits_in(const Napi::Array& list) {
  constexpr double kCentury = 100 * 365.25 * 86'400;
  std::vector<RateLimit> out;
  size_t connections = 0;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const auto one = list.Get(i).As<Napi::Object>();
    if (one.Get("connections").IsNumber()) {
      connections = static_cast<size_t>(number(one, "connections"));
      continue;
    }
    const std::string by = text(one, "by");
    const bool is_bytes = one.Get("bytes").IsNumber();
    const double per_second = number(one, is_bytes ? "bytes" : "requests") / number(one, "seconds");
    out.push_back({text(one, "name"),
                   by == "site"    ? RateBy::site
                   : by == "token" ? RateBy::token
                                   : RateBy::address,
                   {per_second, std::min(number(one, "burst"), kCentury * per_second)},
                   is_bytes ? RateOf::bytes : RateOf::requests});
  }
  return RateLimits(std::move(out), connections);
}

std::vector<Mount> mounts_in(const Napi::Array& list) {
  std::vector<Mount> out;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const auto one = list.Get(i).As<Napi::Object>();
    out.push_back({static_cast<uint32_t>(number(one, "id")), text(one, "host"), text(one, "path"),
                   boolean(one, "openReads"), texts(one, "parameters"), one.Get("codings").ToBoolean(),
                   one.Get("cacheStatus").ToBoolean(), false, one.Get("cmcd").ToBoolean(),
                   cors_rule(one, "cors"), access_rule(one, "access"), text(one, "name")});
    out.back().encoders = one.Get("encoders").ToBoolean();
  }
  return out;
}

TlsOptions tls_options(const Napi::Object& given) {
  TlsOptions out;
  const auto certificates = object(given, "certificates").As<Napi::Array>();
  for (uint32_t i = 0; i < certificates.Length(); i++) {
    const auto one = certificates.Get(i).As<Napi::Object>();
    const Napi::Value key = one.Get("key");
    if (!key.IsExternal()) expected(one, "key", "what readPrivateKey gave");
    out.certificates.push_back({text(one, "name"), text(one, "certificate"),
                                *key.As<Napi::External<PrivateKey>>().Data(), bytes(one, "ocsp")});
  }
  out.min_version = text(given, "minVersion");
  out.ciphers = text(given, "ciphers");
  out.cipher_suites = text(given, "cipherSuites");
  out.groups = text(given, "groups");
  const Napi::Object clients = object(given, "clients");
  const std::string verify = text(clients, "verify");
  out.clients = verify == "required"   ? ClientCertificates::required
                : verify == "optional" ? ClientCertificates::optional
                                       : ClientCertificates::none;
  out.client_ca = text(clients, "ca");
  out.tickets = static_cast<size_t>(number(given, "tickets"));
  out.keylog_file = text(given, "keylogFile");
  return out;
}

ReactorOptions reactor_options(const Napi::Object& given) {
  ReactorOptions out;
  const ListeningSockets& table = listening_sockets_in(given.Get("sockets"));
  const auto worker = static_cast<size_t>(number(given, "worker")),
             workers = static_cast<size_t>(number(given, "workers"));
  const auto listeners = object(given, "listeners").As<Napi::Array>();
  for (uint32_t i = 0; i < listeners.Length(); i++) {
    out.listeners.push_back(listener_options(listeners.Get(i).As<Napi::Object>(), table, worker, workers));
  }
  if (given.Get("tls").IsObject()) out.tls = tls_options(object(given, "tls"));
  out.ktls = ktls_policy(object(given, "ktls"));
  read_limits(object(given, "limits"), out);
  read_problems(object(given, "problems"), out);
  out.server_name = text(given, "serverName");
  const Napi::Object request_ids = object(given, "requestIds");
  out.request_ids = {boolean(request_ids, "send"), networks(request_ids, "trust")};
  out.forwarding = forwarding_in(object(given, "trustedProxies"));
  out.rate_limits = rate_limits_in(object(given, "rateLimits").As<Napi::Array>());
  out.health_path = text(given, "healthPath");
  out.mounts = mounts_in(object(given, "mounts").As<Napi::Array>());
  out.blobs = text(given, "blobs");
  return out;
}

}  // namespace sealgate::addon
