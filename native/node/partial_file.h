// PartialFile in JavaScript: what the application holds of a file that several requests append to.
#pragma once

#include <napi.h>

#include <memory>

#include "store/partial_file.h"

namespace sealgate::addon {

// The right to write to the file of a PartialFile. Throws, with the code EBUSY when somebody has it, or the
// file has another size than `at`, where that is a number.
std::shared_ptr<PartialFile> claim_partial_file(const Napi::Value& given, const Napi::Value& at);

}  // namespace sealgate::addon
