// Module entry: one exports object for each JavaScript environment that loads the addon.
#include "node/addon.h"
#include "server/libraries.h"

#include <openssl/ssl.h>

namespace sealgate::addon {

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  // Before any other call of OpenSSL, which then allocates.
  guard_secrets();
  // Otherwise OpenSSL's atexit handler would free state that worker threads still use.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  env.SetInstanceData(new Instance());
  init_store(env, exports);
  init_reactor(env, exports);
  init_rollout(env, exports);
  init_host(env, exports);
  init_log(env, exports);
  init_grants(env, exports);
  init_http(env, exports);
  init_mounts(env, exports);
  init_partial_file(env, exports);
  init_growing_file(env, exports);
  init_staged_file(env, exports);
  init_keys(env, exports);
  init_listening_sockets(env, exports);
  init_peer(env, exports);
  return exports;
}

}  // namespace sealgate::addon

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return sealgate::addon::init(env, exports); }
NODE_API_MODULE(sealgate, Init)
