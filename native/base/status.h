// Status: how a fallible engine call reports failure. Errors are values; nothing in native/ throws.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

namespace sealgate {

struct [[nodiscard]] Status {
  int error = 0;           // errno of the failed call; 0 means success
  const char* where = "";  // the call that failed, a literal: "open", "setsockopt TLS_TX"

  bool ok() const { return error == 0; }
  static Status last(const char* where) { return {errno, where}; }
};

// "setsockopt TCP_ULP: No such file or directory"
inline std::string describe(const Status& status) {
  const char* text = ::strerrordesc_np(status.error);  // unlike strerror, safe from any thread
  return std::string(status.where) + ": " + (text ? text : "unknown error");
}

}  // namespace sealgate
