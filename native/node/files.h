// Open files as JavaScript holds them: opaque, and closed when nobody holds them any more.
#pragma once

#include <napi.h>

#include <vector>

#include "base/fd.h"

namespace sealgate::addon {

Napi::Value file_object(Napi::Env env, Fd file);
Napi::Array file_objects(Napi::Env env, std::vector<Fd> files);
// Throws when it was closed, or the process may open no more.
Fd copy_of_file(const Napi::Value& given);

}  // namespace sealgate::addon
