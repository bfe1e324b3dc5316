// What the addon's own files share: one set of exports per JavaScript environment (main thread and each
// worker). Files in native/node/ know Node-API and make no system calls; all others are the reverse.
#pragma once

#include <napi.h>

#include <memory>

#include "server/reactor.h"

namespace sealgate::addon {

class JobReturns;

// What one JavaScript environment holds; there are no mutable globals on this side.
struct Instance {
  Napi::FunctionReference store_lock;
  Napi::FunctionReference blob_hash;
  Napi::FunctionReference reactor;
  Napi::FunctionReference partial_file;
  Napi::FunctionReference growing_file;
  Napi::FunctionReference staged_file;
  Napi::FunctionReference listening_sockets;
  Napi::FunctionReference peer_socket;
  std::shared_ptr<JobReturns> jobs;  // made for the first one
};

void init_store(Napi::Env env, Napi::Object exports);         // store.cc
void init_reactor(Napi::Env env, Napi::Object exports);       // reactor.cc
void init_host(Napi::Env env, Napi::Object exports);          // host.cc
void init_rollout(Napi::Env env, Napi::Object exports);       // rollout.cc
void init_log(Napi::Env env, Napi::Object exports);           // log.cc
void init_grants(Napi::Env env, Napi::Object exports);        // grants.cc
void init_mounts(Napi::Env env, Napi::Object exports);        // mounts.cc
void init_partial_file(Napi::Env env, Napi::Object exports);  // partial_file.cc
void init_growing_file(Napi::Env env, Napi::Object exports);  // growing_file.cc
void init_staged_file(Napi::Env env, Napi::Object exports);   // staged_file.cc
void init_http(Napi::Env env, Napi::Object exports);          // http.cc
void init_keys(Napi::Env env, Napi::Object exports);          // keys.cc
void init_listening_sockets(Napi::Env env, Napi::Object exports);
void init_peer(Napi::Env env, Napi::Object exports);  // peer.cc

// A promise of what up to `limit` connections of it are doing. Rejects with ETIMEDOUT when it has ended.
Napi::Value list_connections(Napi::Env env, std::shared_ptr<Reactor> reactor, size_t limit);

}  // namespace sealgate::addon
