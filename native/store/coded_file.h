// A file in another content coding, made once to be stored beside what it codes. Calls block and take as much
// of a processor as they get, for seconds.
#pragma once

#include <functional>
#include <string>

#include "base/content_coding.h"
#include "base/status.h"
#include "store/staging_file.h"

namespace sealgate {

// Codes the file at `source` into a new staging file, and finishes that. What is read must have the SHA-256
// `digest`, else EBADMSG: a coding of damaged bytes would outlive their repair. Small files are made as small
// as they get; large ones at a level at which a processor codes some MB in a second. EFBIG: the result is
// larger than `most` bytes, which is found out as soon as it is. ECANCELED: `ended` says so meanwhile.
Status code_file(ContentCoding coding, const std::string& source, const std::string& digest, uint64_t most,
                 const std::function<bool()>& ended, StagingFile& staging, const std::string& staging_path);

// Has the calling thread run only when no other wants a processor (setpriority(2): on Linux of one thread).
void run_behind_others();

}  // namespace sealgate
