// GrowingFile in JavaScript: what the application holds of an upload that is read while it arrives.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "store/growing_file.h"

namespace sealgate::addon {

// The file of a GrowingFile, or null when that has ended. Throws where it is none.
std::shared_ptr<GrowingFile> growing_file_of(const Napi::Value& given);
// The right to write to it. Throws, with the code EBUSY when somebody had it before.
std::shared_ptr<GrowingFile> claim_growing_file(const Napi::Value& given);
// The same by the number that share() gave, in any environment of the process.
std::shared_ptr<GrowingFile> claim_shared_growing_file(Napi::Env env, uint32_t number);

}  // namespace sealgate::addon
