// Plan: what to do with a request, as the application decided it. A plan for sealed content never changes,
// so a worker may keep it; one that depends on a name is valid while its epoch is.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/representation.h"
#include "server/epochs.h"
#include "server/grants.h"
#include "store/further_digests.h"
#include "store/growing_file.h"
#include "store/partial_file.h"
#include "store/sealed_file.h"

namespace sealgate {

// --- what the application says, with the names of src/native/plan.ts ---

// Fields of a response as pairs of name and value, in the order in which they are sent.
using ResponseFields = std::vector<std::pair<std::string, std::string>>;

// The value that a counter had. A decision made after it was read is valid while the counter has that
// value.
struct Epoch {
  uint32_t slot = 0;
  uint64_t epoch = 0;
};

struct RespondPlan {
  int status = 500;
  ResponseFields fields;
  std::string body;
};

// Receive the body into memory; the application gets it as one event.
struct MemoryTarget {};

// Receive the body into a new file.
struct StagingTarget {
  std::string path;
  DigestNames digests;  // to compute besides SHA-256
  // Claimed: who may read the file while it is received; null: nobody.
  std::shared_ptr<GrowingFile> growing;
};

// Append the body to a file that earlier requests have begun.
struct AppendTarget {
  std::shared_ptr<PartialFile> file;  // claimed: nobody else writes to the file while this exists
  bool last = false;                  // no further request follows: finish the file
  bool sync = false;                  // fsync(2) before the application hears of the body
  // The size that the plan is for, which was compared when the file was claimed; -1: any.
  int64_t at = -1;
};

struct ReceivePlan {
  std::variant<MemoryTarget, StagingTarget, AppendTarget> sink;
  uint64_t max_size = 0;
  ResponseFields interim;  // of a 104 (Upload Resumption Supported), which goes before; empty: none is sent
};

// The lowest seal level at which the file may be delivered by sendfile. Below it, bytes are copied or the
// request is refused.
struct SealFloor {
  SealLevel level = SealLevel::l1;
  bool refuse = false;
};

// What a response says about a blob besides its bytes and digest.
struct Described {
  // Of a status other than 200 the content is an error page: sent whole, without validators, and no
  // condition or range is evaluated (RFC 9110 13.2.1, 14.2).
  int status = 200;
  std::string content_type;
  ResponseFields fields;          // for 200, 206 and 304
  ResponseFields content_fields;  // for 200 and 206 only, because they describe the content
  std::string repr_digest;        // Repr-Digest; empty: SHA-256 alone, made of the blob's digest
  int64_t last_modified = 0;      // seconds since the epoch; 0: unknown

  // The date to send. A date in the future, after the clock was set back, is not sent (RFC 9110 8.8.2.1).
  int64_t date_at(int64_t now) const { return last_modified <= now ? last_modified : 0; }
};

struct DeliverPlan : Described {
  SealedFile::Record blob;
  std::optional<Epoch> cache;       // the plan may be kept while this counter stays
  std::optional<Grant> grant;       // the grant that a request must have to be answered by the kept plan
  int64_t expires = kNever;         // seconds since the epoch until which the plan may be kept
  bool codings = false;             // clients that accept other content codings have another plan
  std::vector<std::string> varies;  // further request fields that the plan depends on
  SealFloor floor;                  // the seal that the file must have

  static constexpr int64_t kNever = INT64_MAX;
  // A plan that names no grant is not kept, because nobody could be answered by it. Nor is one that
  // depends on request fields: no protocol makes such plans today, and each value of a field would need an
  // entry.
  bool keepable() const { return cache && grant && varies.empty(); }
};

// Describes a blob whose file is being proved. HEAD, 304, 412 and 416 can be answered by it, but no byte
// of the file may be sent: `otherwise` answers requests that need bytes.
struct DescribePlan : Described {
  std::string digest;
  uint64_t size = 0;
  RespondPlan otherwise;
};

// Deliver what there is of a file that is being received, and the rest as it comes. There is no digest yet,
// and so no validator. Such a plan is not kept.
struct FollowPlan {
  std::shared_ptr<GrowingFile> file;  // null: it has ended
  std::string content_type;
  ResponseFields fields;
  ResponseFields content_fields;
};

// There is no answer yet. When a file has ended, all who wait for the answer to one request get the one that
// the application then gives to the first of them.
struct WaitPlan {
  std::shared_ptr<GrowingFile> until;  // null: it has ended
  int64_t patience = 0;                // milliseconds that a client waits at most
  RespondPlan otherwise;               // what it gets then
  Grant grant;                         // the grant that a request must have to wait with the others
};

using Plan = std::variant<DeliverPlan, DescribePlan, RespondPlan, ReceivePlan, FollowPlan, WaitPlan>;

// --- what a reactor makes of a plan to deliver ---

// The answer of a kept plan to a request for the whole content, in the session's own form. A session makes
// it once and then repeats it.
struct KeptAnswer {
  virtual ~KeptAnswer() = default;
  virtual size_t bytes() const = 0;
  bool has_body = false;  // the content is included, and its digest was checked
};

// A plan to deliver whose blob was opened and sealed. Responses are made of it, and it may be kept. Used
// only on the reactor's thread.
struct OpenedPlan {
  DeliverPlan plan;
  std::shared_ptr<const SealedFile> file;
  bool kept = false;                           // the reactor keeps the plan for later requests
  mutable std::unique_ptr<KeptAnswer> answer;  // in the form of HTTP/1.1
};

}  // namespace sealgate
