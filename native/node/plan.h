// Plans as they cross from JavaScript: objects with the fields of src/native/plan.ts.
#pragma once

#include <napi.h>

#include "server/plan.h"

namespace sealgate::addon {

// Every mismatch throws a TypeError that names the property.
Plan plan_of(const Napi::Object& given);
RespondPlan respond_plan(const Napi::Object& given);
// The fields of `given`, as pairs of name and value.
ResponseFields response_fields(const Napi::Object& given);

}  // namespace sealgate::addon
