// Reads values out of JavaScript objects. Every mismatch throws a TypeError that names the property.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "server/reactor.h"

namespace sealgate::addon {

double number(const Napi::Object& from, const char* name);
bool boolean(const Napi::Object& from, const char* name);

// False when it is no string.
bool read_text(napi_env env, napi_value value, std::string* out);
std::string text(const Napi::Object& from, const char* name);
std::string bytes(const Napi::Object& from, const char* name);  // a string (UTF-8) or a Uint8Array
std::vector<std::string> texts(const Napi::Object& from, const char* name);
Napi::Object object(const Napi::Object& from, const char* name);
SealLevel seal_level(const Napi::Value& given);      // "L2"
DigestNames digest_names(const Napi::Value& given);  // an array; none where it is undefined

// Sets "digests", by name; nothing where there is none.
void set_digests(Napi::Object out, const NamedDigests& digests);

// Its "protocols" and "ciphers", by TlsVersion and by Aead.
std::array<bool, 2> protocols_in(const Napi::Object& given);
std::array<bool, kAeads> ciphers_in(const Napi::Object& given);

RateLimits rate_limits_in(const Napi::Array& list);
Forwarding forwarding_in(const Napi::Object& given);
ReactorLimits reactor_limits(const Napi::Object& given);
std::vector<Mount> mounts_in(const Napi::Array& list);
TlsOptions tls_options(const Napi::Object& given);
ReactorOptions reactor_options(const Napi::Object& given);

}  // namespace sealgate::addon
