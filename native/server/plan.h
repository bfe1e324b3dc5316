// Plan: what to do with a request, as the application decided it. A plan for sealed content never changes, so
// the worker keeps it; one that depends on a name is good while its epoch is.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/representation.h"
#include "server/grants.h"
#include "store/partial_file.h"
#include "store/sealed_file.h"

namespace sealgate {

// Shared counters, one a slot, that plans depend on. Writers bump a slot after they committed.
class Epochs {
 public:
  static constexpr size_t kSlots = 4096;
  uint64_t read(size_t slot) const { return slots_[slot % kSlots].load(std::memory_order_acquire); }
  void bump(size_t slot) { slots_[slot % kSlots].fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::array<std::atomic<uint64_t>, kSlots> slots_{};
};

// --- what the application says, in the words of src/native/plan.ts

// Fields of a response, name and value, in the order in which they leave.
using ResponseFields = std::vector<std::pair<std::string, std::string>>;

// A counter as it stood: what was decided since then holds while it does.
struct Epoch {
  uint32_t slot = 0;
  uint64_t epoch = 0;
};

struct RespondPlan {
  int status = 500;
  ResponseFields fields;
  std::string body;
};

// A body that goes to the application, as one event.
struct MemoryTarget {};

// A body that goes to a new file.
struct StagingTarget {
  std::string path;
};

// A body that is appended to a file which earlier requests have begun.
struct AppendTarget {
  std::shared_ptr<PartialFile> file;  // claimed: nobody else writes to it while this is there
  bool last = false;                  // nothing follows: the file is finished
  bool sync = false;                  // what was received is on the disk before the application hears of it
};

struct ReceivePlan {
  std::variant<MemoryTarget, StagingTarget, AppendTarget> sink;
  uint64_t max_size = 0;
};

// The level that a file has to have: below it its bytes are copied, or not delivered at all.
struct SealFloor {
  SealLevel level = SealLevel::l1;
  bool refuse = false;
};

// What a response for a blob says of it besides its bytes and their digest.
struct Described {
  std::string content_type;
  ResponseFields fields;          // for 200, 206 and 304
  ResponseFields content_fields;  // for 200 and 206: they go with the content
  int64_t last_modified = 0;      // seconds since the epoch; 0: there is no date

  // A date is later than `now` when the clock went back; Last-Modified never is (RFC 9110 8.8.2.1).
  int64_t date_at(int64_t now) const { return last_modified <= now ? last_modified : 0; }
};

struct DeliverPlan : Described {
  SealedFile::Record blob;
  std::optional<Epoch> cache;       // it may be kept while this holds
  std::optional<Grant> grant;       // what a request must have been given that it answers
  int64_t expires = kNever;         // seconds since the epoch; it may be kept until then
  std::vector<std::string> varies;  // request fields that it depends on
  SealFloor floor;                  // for its file

  static constexpr int64_t kNever = INT64_MAX;
  // One that does not say whom it may answer is not kept. Nor is one that depends on request fields: no plan
  // of today's protocols does, and each of their values would make an entry.
  bool keepable() const { return cache && grant && varies.empty(); }
};

// A plan for a blob whose file is being proved: enough for HEAD and for 304, 412 and 416, but no byte of it
// may leave. `otherwise` answers a request for its bytes.
struct DescribePlan : Described {
  std::string digest;
  uint64_t size = 0;
  RespondPlan otherwise;
};

using Plan = std::variant<DeliverPlan, DescribePlan, RespondPlan, ReceivePlan>;

// --- what the reactor makes of a plan to deliver

// The answer of a kept plan to the request for all of its content, in the form in which a session says it. A
// session makes it once, and repeats it to whoever asks so.
struct KeptAnswer {
  virtual ~KeptAnswer() = default;
  virtual size_t bytes() const = 0;
  bool has_body = false;  // the content is in it, and was found to be what the digest says
};

// A plan to deliver whose blob was opened and sealed: what a response is made of, and what is kept for
// requests to come. Of the reactor's thread alone.
struct OpenedPlan {
  DeliverPlan plan;
  std::shared_ptr<const SealedFile> file;
  bool kept = false;                           // by the reactor, for requests to come
  mutable std::unique_ptr<KeptAnswer> answer;  // HTTP/1.1's
};

}  // namespace sealgate
