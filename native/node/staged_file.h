// StagedFile in JavaScript: a file on its way into the store that a thread of the runtime writes, as one that
// fetches does. What a reactor receives is written by a StagingWriter.
#pragma once

#include <napi.h>

#include "store/staging_file.h"

namespace sealgate::addon {

// Digest, size and further digests of a finished file.
Napi::Object staged(Napi::Env env, const StagingFile& file);

}  // namespace sealgate::addon
