// Response: one answer as a list of pieces, in the order they leave. Bytes the engine wrote stand in `text`;
// the rest are ranges of the plan's sealed file, or the plan's prebuilt answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.h"
#include "http/request.h"
#include "server/plan.h"

namespace sealgate {

struct Piece {
  enum class Of : uint8_t { text, whole, file };
  Of of;
  uint64_t offset;
  uint64_t length;
};

struct Response {
  int status = 0;
  std::string text;
  std::vector<Piece> pieces;
  std::shared_ptr<const OpenedPlan> plan;  // keeps the file and the prebuilt answer alive
  bool keep_alive = true;

  // Keeps the capacity of text and pieces for the connection's next answer.
  void clear();
  uint64_t size() const;          // bytes
  uint64_t body_in_file() const;  // bytes
};

// What is the same for all answers of a reactor in one second.
struct Answering {
  std::string server;      // "Server: …\r\n" or empty
  std::string keep_alive;  // "Keep-Alive: timeout=…\r\n" or empty
  char date[29];           // IMF-fixdate
  int64_t now = 0;         // seconds since the epoch that `date` says
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

// The answer to GET or HEAD for sealed content. Problem::none, or why it is refused. The file that its pieces
// are of is the caller's to give.
Problem build_delivery(const Request& request, const Content& content, const Answering& answering,
                       Response& out);

// A small answer with all its bytes at hand. `request`: null when it could not be read.
void build_respond(int status, const ResponseFields& fields, std::string_view body, const Request* request,
                   const Answering& answering, Response& out);

// The prebuilt answer of the plan, dated now; null when the request wants something else, or the body is not
// small or not in the page cache. *broken: the bytes read are not what the digest says.
const WholeResponse* whole_response(const Request& request, const OpenedPlan& plan,
                                    const Answering& answering, bool* built, bool* broken);

}  // namespace sealgate
