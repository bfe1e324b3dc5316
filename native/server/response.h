// Response: the answer of one exchange: a head, and a body in the order in which its parts leave. Each part
// has a source: memory, or the plan's sealed file.
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

// Where a part of a body comes from.
struct BodySource {
  enum class Kind : uint8_t { memory, sealed_file };
  Kind kind;
  uint64_t offset;  // in Response::memory, or in the file of Response::plan
  uint64_t length;
};

struct Response {
  ResponseHead head;
  std::vector<BodySource> body;
  std::string memory;
  std::shared_ptr<const OpenedPlan> plan;  // keeps alive its file, and what sessions keep with it

  // Keeps the capacity of what it is made of for the exchange's next answer.
  void clear();
  uint64_t body_size() const;     // bytes
  uint64_t body_in_file() const;  // bytes
};

// What is the same for all answers of a reactor in one second.
struct Answering {
  std::string server;  // value of Server; empty: there is none
  char date[29];       // IMF-fixdate
  int64_t now = 0;     // seconds since the epoch that `date` says
  size_t max_ranges = 32;
  size_t small_body = 16384;  // bytes; up to it a body is kept in memory

  void tick(int64_t seconds);
};

// What an answer about a blob says: of its bytes, which need not be at hand, and besides them.
struct Content {
  const Described& described;
  Representation representation;

  std::string_view digest() const { return representation.etag.substr(1, representation.etag.size() - 2); }
};
Content content_of(const OpenedPlan& opened, int64_t now);

// The answer to GET or HEAD for sealed content. Problem::none, or why it is refused. The file that parts of
// its body are of is the caller's to give.
Problem build_delivery(const Request& request, const Content& content, const Answering& answering,
                       Response& out);

// A small answer with all its bytes at hand. head_only: to HEAD, which has none of them.
void build_respond(int status, const ResponseFields& fields, std::string body, bool head_only,
                   const Answering& answering, Response& out);

// Whether the request is one of those that all get the same answer to a plan: 200, with all of the content.
bool asks_for_all(const Request& request);

// The whole of a sealed file, where that takes no disk: `cold` says that it would. `broken`: the bytes are
// not what the digest says.
enum class ReadBody : uint8_t { not_tried, done, cold, broken };
ReadBody read_body(const SealedFile& file, std::string& into);

}  // namespace sealgate
