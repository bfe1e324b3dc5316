// UrlSignature: the signature that a URL carries, as parameters named sg-… that are joined by &. They stand
// in the query, or behind a tilde as the first segment below the path of the site, so that relative addresses
// in what is fetched keep them. docs/signed-urls.md has the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/request.h"

namespace sealgate {

struct UrlSignature {
  // As they stand in the URL; data() == nullptr where absent.
  std::string_view expires, key, method, network, prefix, signature;
  // The path without the signature is both together.
  std::string_view before, after;

  int64_t end = 0;     // seconds since the epoch: from then on it does not count
  size_t covered = 0;  // bytes of the path that are signed

  // What the signature is of.
  std::string text(std::string_view site) const;
  // False when the path could lead out of the prefix that is signed, by dot segments or encoded slashes.
  bool stays_inside() const;
  bool is_for(Method asked) const;
};

enum class Reading : uint8_t {
  unsigned_,  // the target has no parameter of a signature
  malformed,  // parameters are missing, twice, unknown or not what they can be
  whole,
};

// @param site_path bytes of the target that are the path of the site.
Reading read_url_signature(std::string_view target, size_t site_path, UrlSignature* out);

// Takes the parameters of a signature out of a target, in its place, and returns how many bytes are left.
size_t strip_url_signature(char* target, size_t size, size_t site_path);

// Writes "..." in place of what follows "signature=", for logs.
std::string without_signatures(std::string_view text);

}  // namespace sealgate
