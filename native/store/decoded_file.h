// Whether a file is a coding of a blob. Calls block, as those of coded_file.h do.
#pragma once

#include <functional>
#include <string>

#include "base/content_coding.h"
#include "base/status.h"

namespace sealgate {

// What a coding has to decode to.
struct Decoded {
  std::string digest;  // SHA-256, 64 hex digits
  uint64_t size = 0;
};

// Decodes the file at `path`, which no one trusts, and compares. EBADMSG: it is no such coding, or of other
// bytes; no more is decoded than the size and a little. ECANCELED: `ended` says so meanwhile.
Status check_decoded(ContentCoding coding, const std::string& path, const Decoded& wanted,
                     const std::function<bool()>& ended);

}  // namespace sealgate
