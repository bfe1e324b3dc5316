// Response: the answer of one exchange: a head, and a body as a list of parts in the order in which they
// are sent. Each part comes from memory, from the sealed file of the plan, or from a growing file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.h"
#include "http/request.h"
#include "server/plan.h"
#include "server/response_head.h"

namespace sealgate {

// One part of a body, and where it comes from.
struct BodySource {
  enum class Kind : uint8_t { memory, sealed_file, growing_file };
  // The length of what is followed until its end, wherever that will be.
  static constexpr uint64_t kToTheEnd = uint64_t{1} << 62;
  Kind kind;
  uint64_t offset;  // in Response::memory, in the file of Response::plan, or in the file that is followed
  uint64_t length;
};

struct Response {
  ResponseHead head;
  std::vector<BodySource> body;
  std::string memory;
  std::shared_ptr<const OpenedPlan> plan;  // keeps the file alive, and the answer kept with the plan
  std::string request_id;                  // what the answer says it is; empty: nothing

  // Empties the response and keeps its memory for the next answer of the exchange.
  void clear();
  uint64_t body_size() const;     // bytes
  uint64_t body_in_file() const;  // bytes
};

// What all answers of a reactor have in common during one second.
struct Answering {
  std::string server;  // value of the Server field; empty: the field is not sent
  char date[29];       // IMF-fixdate
  int64_t now = 0;     // the second of `date`, since the epoch
  size_t max_ranges = 32;
  size_t small_body = 16384;  // bodies up to this many bytes are kept in memory

  void tick(int64_t seconds);
};

// What an answer says about a blob. It can be made while the bytes themselves are out of reach.
struct Content {
  const Described& described;
  Representation representation;

  std::string_view digest() const { return representation.etag.substr(1, representation.etag.size() - 2); }
};
Content content_of(const OpenedPlan& opened, int64_t now);

// Makes the answer to GET or HEAD for sealed content. Returns Problem::none, or why the request is
// refused. The caller supplies the file that parts of the body refer to.
Problem build_delivery(const Request& request, const Content& content, const Answering& answering,
                       Response& out);

// Makes the answer to GET or HEAD for a file that is still being received. `outcome` is full or partial, with
// the range. The caller supplies the file.
void build_follow(const Request& request, const FollowPlan& plan, GrowingOutcome outcome,
                  const GrowingRange& range, const Answering& answering, Response& out);

// Makes a small answer whose bytes are in memory. head_only: for HEAD, without the body.
void build_respond(int status, const ResponseFields& fields, std::string body, bool head_only,
                   const Answering& answering, Response& out);

// Whether the request gets the plan's common answer: 200 with the whole content.
bool asks_for_all(const Request& request);

// Reads the whole of a sealed file, if all of it is in the page cache. cold: it is not. broken: the bytes
// do not match the digest.
enum class ReadBody : uint8_t { not_tried, done, cold, broken };
ReadBody read_body(const SealedFile& file, std::string& into);

}  // namespace sealgate
