#include "server/response.h"

#include <openssl/evp.h>
#include <sys/uio.h>

#include "base/hex.h"
#include "server/request_id.h"

namespace sealgate {
namespace {

constexpr size_t kDateBytes = 29;
constexpr std::string_view kCoding = "Content-Encoding";

void start_head(Response& out, int status, const Answering& answering) {
  ResponseHead& head = out.head;
  head.status = status;
  if (!answering.server.empty()) head.add("Server", answering.server);
  head.add("Date", {answering.date, kDateBytes});
  if (!out.request_id.empty()) head.add(kRequestIdField, out.request_id);
}

void add_fields(ResponseHead& head, const ResponseFields& fields) {
  for (const auto& [name, value] : fields) head.add(name, value);
}

// Adds Repr-Digest (RFC 9530): what the plan says, or the base64 of the digest's bytes.
void add_repr_digest(ResponseHead& head, const Described& described, std::string_view digest) {
  if (!described.repr_digest.empty()) return head.add("Repr-Digest", described.repr_digest);
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  unsigned char raw[32] = {}, encoded[48];
  for (size_t i = 0; 2 * i + 1 < digest.size() && i < sizeof raw; i++) {
    raw[i] = static_cast<unsigned char>(digit(digest[2 * i]) << 4 | digit(digest[2 * i + 1]));
  }
  const auto length = static_cast<size_t>(EVP_EncodeBlock(encoded, raw, sizeof raw));
  const size_t from = head.written();
  head.write("sha-256=:");
  head.write({reinterpret_cast<const char*>(encoded), length});
  head.write(":");
  head.add("Repr-Digest", head.since(from));
}

// Adds the fields that 200, 206 and 304 share (RFC 9110 15.4.5, RFC 9530).
void add_representation(ResponseHead& head, const Content& content) {
  const auto& [described, representation] = content;
  head.add("ETag", representation.etag);
  add_repr_digest(head, described, content.digest());
  if (representation.last_modified != 0) {
    char* const date = head.room(kDateBytes);
    format_http_date(representation.last_modified, date);
    head.add("Last-Modified", {date, kDateBytes});
  }
  head.add("Accept-Ranges", "bytes");
  add_fields(head, described.fields);
}

// Adds the fields that describe the content. A client that gets 304 has them already (RFC 9110 15.4.5).
void add_content_fields(ResponseHead& head, const Described& described, bool with_coding = true) {
  for (const auto& [name, value] : described.content_fields)
    if (with_coding || name != kCoding) head.add(name, value);
}

// The line with the Content-Encoding of a part: a multipart body is not coded itself, its parts are.
std::string coding_of_part(const Described& described) {
  std::string line;
  for (const auto& [name, value] : described.content_fields)
    if (name == kCoding) line.append("\r\n").append(name).append(": ").append(value);
  return line;
}

std::string content_range(const ByteRange& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.first + range.length - 1) + "/" +
         std::to_string(size);
}

void build_full(const Request& request, const Content& content, const Answering& answering, Response& out) {
  const uint64_t size = content.representation.size;
  start_head(out, 200, answering);
  add_representation(out.head, content);
  out.head.add("Content-Type", content.described.content_type);
  add_content_fields(out.head, content.described);
  out.head.add_number("Content-Length", size);
  if (request.method != Method::head && size > 0) {
    out.body.push_back({BodySource::Kind::sealed_file, 0, size});
  }
}

void build_error_page(const Request& request, const Content& content, const Answering& answering,
                      Response& out) {
  const uint64_t size = content.representation.size;
  start_head(out, content.described.status, answering);
  add_fields(out.head, content.described.fields);
  out.head.add("Content-Type", content.described.content_type);
  add_content_fields(out.head, content.described);
  out.head.add_number("Content-Length", size);
  if (request.method != Method::head && size > 0) {
    out.body.push_back({BodySource::Kind::sealed_file, 0, size});
  }
}

void build_single(const Content& content, const ByteRange& range, const Answering& answering, Response& out) {
  start_head(out, 206, answering);
  add_representation(out.head, content);
  out.head.add("Content-Type", content.described.content_type);
  add_content_fields(out.head, content.described);
  const size_t from = out.head.written();
  out.head.write(content_range(range, content.representation.size));
  out.head.add("Content-Range", out.head.since(from));
  out.head.add_number("Content-Length", range.length);
  out.body.push_back({BodySource::Kind::sealed_file, range.first, range.length});
}

// multipart/byteranges (RFC 9110 14.6). The boundary is made of the digest, because no content can contain
// half of its own SHA-256.
void build_multipart(const Content& content, const std::vector<ByteRange>& ranges, const Answering& answering,
                     Response& out) {
  const std::string_view boundary = content.digest().substr(0, 32);
  const auto part = [&](const std::string& text) {
    out.body.push_back({BodySource::Kind::memory, out.memory.size(), text.size()});
    out.memory.append(text);
  };
  for (const ByteRange& range : ranges) {
    part((out.body.empty() ? "--" : "\r\n--") + std::string(boundary) +
         "\r\nContent-Type: " + content.described.content_type + coding_of_part(content.described) +
         "\r\nContent-Range: " + content_range(range, content.representation.size) + "\r\n\r\n");
    out.body.push_back({BodySource::Kind::sealed_file, range.first, range.length});
  }
  part("\r\n--" + std::string(boundary) + "--\r\n");
  start_head(out, 206, answering);
  add_representation(out.head, content);
  const size_t from = out.head.written();
  out.head.write("multipart/byteranges; boundary=");
  out.head.write(boundary);
  out.head.add("Content-Type", out.head.since(from));
  add_content_fields(out.head, content.described, false);
  out.head.add_number("Content-Length", out.body_size());
}

void build_not_modified(const Content& content, const Answering& answering, Response& out) {
  start_head(out, 304, answering);
  add_representation(out.head, content);
}

bool has_sha256(std::string_view bytes, std::string_view hex_digest) {
  unsigned char digest[32];
  if (EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) return false;
  return hex(digest, sizeof digest) == hex_digest;
}

}  // namespace

void Response::clear() {
  head.clear();
  body.clear();
  memory.clear();
  plan.reset();
}

uint64_t Response::body_size() const {
  uint64_t bytes = 0;
  for (const BodySource& source : body) bytes += source.length;
  return bytes;
}

uint64_t Response::body_in_file() const {
  uint64_t bytes = 0;
  for (const BodySource& source : body)
    bytes += source.kind == BodySource::Kind::sealed_file ? source.length : 0;
  return bytes;
}

Content content_of(const OpenedPlan& opened, int64_t now) {
  return {opened.plan, {opened.file->etag(), opened.file->size(), opened.plan.date_at(now)}};
}

void Answering::tick(int64_t seconds) {
  if (seconds == now) return;
  now = seconds;
  format_http_date(seconds, date);
}

Problem build_delivery(const Request& request, const Content& content, const Answering& answering,
                       Response& out) {
  if (content.described.status != 200) {
    build_error_page(request, content, answering, out);
    return Problem::none;
  }
  std::vector<ByteRange> ranges;
  switch (evaluate(request, content.representation, answering.max_ranges, ranges)) {
    case Outcome::precondition_failed: return Problem::precondition_failed;
    case Outcome::range_unsatisfiable: return Problem::range_unsatisfiable;
    case Outcome::not_modified: build_not_modified(content, answering, out); break;
    case Outcome::full: build_full(request, content, answering, out); break;
    case Outcome::partial:
      if (ranges.size() == 1) {
        build_single(content, ranges[0], answering, out);
      } else {
        build_multipart(content, ranges, answering, out);
      }
  }
  return Problem::none;
}

// Bytes are promised where all of them are there, or the upload has promised them. The length of the whole
// stays unknown in Content-Range until there is an entity tag by which parts could be put together.
void build_follow(const Request& request, const FollowPlan& plan, GrowingOutcome outcome,
                  const GrowingRange& range, const Answering& answering, Response& out) {
  const bool partial = outcome == GrowingOutcome::partial;
  uint64_t length = plan.file->expected();
  if (partial) length = range.last < plan.file->length() ? range.last - range.first + 1 : 0;
  start_head(out, partial ? 206 : 200, answering);
  out.head.add("Accept-Ranges", "bytes");
  add_fields(out.head, plan.fields);
  out.head.add("Content-Type", plan.content_type);
  add_fields(out.head, plan.content_fields);
  if (partial) {
    const size_t from = out.head.written();
    out.head.write("bytes ");
    out.head.write(range.first);
    out.head.write("-");
    out.head.write(range.last);
    out.head.write("/*");
    out.head.add("Content-Range", out.head.since(from));
  }
  if (length > 0) out.head.add_number("Content-Length", length);
  if (request.method == Method::head) return;
  out.body.push_back({BodySource::Kind::growing_file, partial ? range.first : 0,
                      length > 0 ? length : BodySource::kToTheEnd});
}

void build_respond(int status, const ResponseFields& fields, std::string body, bool head_only,
                   const Answering& answering, Response& out) {
  start_head(out, status, answering);
  add_fields(out.head, fields);
  if (status == 204 || status == 304) return;  // RFC 9110 8.6: no Content-Length with 204
  out.head.add_number("Content-Length", body.size());
  if (head_only || body.empty()) return;
  out.memory = std::move(body);
  out.body.push_back({BodySource::Kind::memory, 0, out.memory.size()});
}

bool asks_for_all(const Request& request) {
  if (request.method != Method::get || !request.keep_alive || request.http10 || request.has_body)
    return false;
  // Tests all fields with one branch, because most requests have none of them.
  const auto sent = [&](Field field) { return reinterpret_cast<uintptr_t>(request.field(field).data()); };
  return (sent(Field::range) | sent(Field::if_match) | sent(Field::if_none_match) |
          sent(Field::if_modified_since) | sent(Field::if_unmodified_since)) == 0;
}

ReadBody read_body(const SealedFile& file, std::string& into) {
  const size_t size = file.size();
  into.resize(size);
  iovec to{into.data(), size};
  if (size > 0 &&
      ::preadv2(file.fd(), &to, 1, 0, file.always_resident() ? 0 : RWF_NOWAIT) != static_cast<ssize_t>(size))
    return into.clear(), ReadBody::cold;
  if (!has_sha256(into, file.digest())) return into.clear(), ReadBody::broken;
  return ReadBody::done;
}

}  // namespace sealgate
