// Placement: a finished staging file becomes the file of a blob, under its digest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "store/seal_level.h"

namespace sealgate {

struct Placement {
  bool created = false;  // false: a file of that name existed, and the staging file stays
  uint64_t size = 0;     // of the blob that is now in place
  dev_t device = 0;      // the file system that it is on
  Raised seal;           // of the blob that is now in place; L1 if it existed before
};

// Moves a finished staging file to its blob path without ever replacing a file (renameat2 RENAME_NOREPLACE,
// or link and unlink where the file system lacks it), makes missing parents, and gives it a level. By
// fsync(2) the file that is in place and every directory that changed are durable. Until then a power cut may
// leave the name without the bytes: a file that is not on record is hashed before anybody relies on it.
Status place_blob(const std::string& staging, const std::string& blob, SealLevel wanted, Placement* out);

// One of the blobs that are placed together.
struct Placing {
  std::string staging;
  std::string blob;
  Placement placement;
  Status status;
};

// As place_blob() for each, at level L1, but one syncfs(2) makes all of them durable, which for many takes
// less time than an fsync(2) each. Returns how that ended. Where it failed, each is synced by itself, as is
// one on another file system than `folder`, an open folder; a blob for which that fails is removed again,
// because the next one to place the same bytes would take it for durable.
Status place_together(int folder, std::span<Placing> all);

}  // namespace sealgate
