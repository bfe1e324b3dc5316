// Reads values out of JavaScript objects. Every mismatch throws a TypeError that names the property.
#pragma once

#include <napi.h>

#include <string>

#include "reactor.h"
#include "status.h"

namespace sealgate::addon {

double number(const Napi::Object& from, const char* name);
bool boolean(const Napi::Object& from, const char* name);

std::string text(const Napi::Object& from, const char* name);
std::string bytes(const Napi::Object& from, const char* name);  // a string (UTF-8) or a Uint8Array
Napi::Object object(const Napi::Object& from, const char* name);

TlsOptions tls_options(const Napi::Object& given);
ReactorOptions reactor_options(const Napi::Object& given);

}  // namespace sealgate::addon
