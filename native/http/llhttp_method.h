// The methods that llhttp knows, as the engine has them: for HTTP/1.1, whose heads llhttp reads, and for
// HTTP/2, which takes no others.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/request.h"

namespace sealgate {

// @param method llhttp's number.
inline Method method_of(uint8_t method) {
  switch (method) {
    case HTTP_GET: return Method::get;
    case HTTP_HEAD: return Method::head;
    case HTTP_PUT: return Method::put;
    case HTTP_DELETE: return Method::del;
    case HTTP_OPTIONS: return Method::options;
    case HTTP_POST: return Method::post;
    default: return Method::other;
  }
}

// Nothing: no method of HTTP has this name.
inline std::optional<Method> method_named(std::string_view name) {
#define SEALGATE_METHOD(number, id, text) \
  if (name == #text) return method_of(number);
  HTTP_METHOD_MAP(SEALGATE_METHOD)
#undef SEALGATE_METHOD
  return std::nullopt;
}

}  // namespace sealgate
