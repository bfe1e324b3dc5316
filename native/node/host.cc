// What the host offers, in JavaScript: network devices and file systems (src/native/host.ts), and linked
// libraries.
#include "node/addon.h"
#include "node/job.h"
#include "server/libraries.h"
#include "store/seal_means.h"
#include "tls/net_device.h"

namespace sealgate::addon {
namespace {

Napi::Object device_object(Napi::Env env, const NetDevice& device) {
  Napi::Object features = Napi::Object::New(env);
  features.Set("tls-hw-tx-offload", feature_name(device.tx_offload));
  features.Set("tls-hw-rx-offload", feature_name(device.rx_offload));
  features.Set("tls-hw-record", feature_name(device.record));
  Napi::Object statistics = Napi::Object::New(env);
  for (const auto& [name, value] : device.tls_statistics) statistics.Set(name, static_cast<double>(value));
  Napi::Object out = Napi::Object::New(env);
  out.Set("name", device.name);
  out.Set("driver", device.driver);
  out.Set("up", device.up);
  out.Set("features", features);
  out.Set("statistics", statistics);
  return out;
}

Napi::Value list_devices(const Napi::CallbackInfo& info) {
  std::vector<NetDevice> devices;
  if (const Status status = net_devices(&devices); !status.ok()) throw error_of(info.Env(), status);
  Napi::Array out = Napi::Array::New(info.Env(), devices.size());
  for (uint32_t i = 0; i < devices.size(); i++) out.Set(i, device_object(info.Env(), devices[i]));
  return out;
}

Napi::Value list_seal_means(const Napi::CallbackInfo& info) {
  SealMeans means;
  const std::string folder = info[0].As<Napi::String>().Utf8Value();
  if (const Status status = seal_means(folder, &means); !status.ok()) throw error_of(info.Env(), status);
  const auto told = [](const Status& status) { return status.ok() ? std::string() : describe(status); };
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("fileSystem", means.file_system);
  out.Set("readOnly", means.read_only);
  out.Set("immutable", told(means.immutable));
  out.Set("lease", told(means.lease));
  out.Set("verity", told(means.verity));
  return out;
}

Napi::Value libraries(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("openssl", openssl_version());
  out.Set("opensslFile", openssl_file());
  out.Set("nghttp2", nghttp2_version());
  out.Set("nghttp2File", nghttp2_file());
  out.Set("llhttp", llhttp_version());
  return out;
}

}  // namespace

void init_host(Napi::Env env, Napi::Object exports) {
  exports.Set("libraries", Napi::Function::New<libraries>(env));
  exports.Set("netDevices", Napi::Function::New<list_devices>(env));
  exports.Set("sealMeans", Napi::Function::New<list_seal_means>(env));
}

}  // namespace sealgate::addon
