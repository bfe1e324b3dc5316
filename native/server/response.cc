#include "server/response.h"

#include <openssl/evp.h>
#include <sys/uio.h>

#include <cstring>

#include "http/status_line.h"

namespace sealgate {
namespace {

constexpr size_t kDateBytes = 29;

void append_fields(std::string& text, const ResponseFields& fields) {
  for (const auto& [name, value] : fields) text.append(name).append(": ").append(value).append("\r\n");
}

void append_date(std::string& text, const Answering& answering) {
  text.append("Date: ").append(answering.date, kDateBytes).append("\r\n");
}

void append_length(std::string& text, uint64_t length) {
  text.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
}

void append_connection(std::string& text, const Request* request, const Answering& answering,
                       bool keep_alive) {
  if (!keep_alive) {
    text.append("Connection: close\r\n");
  } else if (request && request->http10) {
    // HTTP/1.0 does not assume it, nor how long it lasts (RFC 2068 19.7.1).
    text.append("Connection: keep-alive\r\n").append(answering.keep_alive);
  }
}

// Value of Repr-Digest (RFC 9530): base64 of the digest's bytes.
void append_repr_digest(std::string& text, std::string_view digest) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  unsigned char raw[32] = {}, encoded[48];
  for (size_t i = 0; 2 * i + 1 < digest.size() && i < sizeof raw; i++) {
    raw[i] = static_cast<unsigned char>(digit(digest[2 * i]) << 4 | digit(digest[2 * i + 1]));
  }
  const auto length = static_cast<size_t>(EVP_EncodeBlock(encoded, raw, sizeof raw));
  text.append("sha-256=:").append(reinterpret_cast<const char*>(encoded), length).append(":");
}

// The fields that 200, 206 and 304 share (RFC 9110 15.4.5, RFC 9530).
void append_representation(std::string& text, const Content& content) {
  const auto& [described, representation] = content;
  text.append("ETag: ").append(representation.etag).append("\r\nRepr-Digest: ");
  append_repr_digest(text, content.digest());
  if (representation.last_modified != 0) {
    char date[kDateBytes];
    format_http_date(representation.last_modified, date);
    text.append("\r\nLast-Modified: ").append(date, kDateBytes);
  }
  text.append("\r\nAccept-Ranges: bytes\r\n");
  append_fields(text, described.fields);
}

void start_head(std::string& text, int status, const Answering& answering) {
  text.append(status_line(status)).append(answering.server);
  append_date(text, answering);
}

std::string content_range(const ByteRange& range, uint64_t size) {
  return "Content-Range: bytes " + std::to_string(range.first) + "-" +
         std::to_string(range.first + range.length - 1) + "/" + std::to_string(size) + "\r\n";
}

// Marks what was appended to text since `from` as a piece.
void close_text(Response& out, size_t from) {
  if (out.text.size() > from) out.pieces.push_back({Piece::Of::text, from, out.text.size() - from});
}

void build_full(const Request& request, const Content& content, const Answering& answering, Response& out) {
  out.status = 200;
  start_head(out.text, 200, answering);
  append_representation(out.text, content);
  out.text.append("Content-Type: ").append(content.described.content_type).append("\r\n");
  append_length(out.text, content.representation.size);
  append_connection(out.text, &request, answering, out.keep_alive);
  out.text.append("\r\n");
  close_text(out, 0);
  if (request.method != Method::head && content.representation.size > 0) {
    out.pieces.push_back({Piece::Of::file, 0, content.representation.size});
  }
}

void build_single(const Request& request, const Content& content, const ByteRange& range,
                  const Answering& answering, Response& out) {
  out.status = 206;
  start_head(out.text, 206, answering);
  append_representation(out.text, content);
  out.text.append("Content-Type: ").append(content.described.content_type).append("\r\n");
  out.text.append(content_range(range, content.representation.size));
  append_length(out.text, range.length);
  append_connection(out.text, &request, answering, out.keep_alive);
  out.text.append("\r\n");
  close_text(out, 0);
  out.pieces.push_back({Piece::Of::file, range.first, range.length});
}

// multipart/byteranges (RFC 9110 14.6). The boundary comes from the digest: content that held half its own
// SHA-256 could not be made.
void build_multipart(const Request& request, const Content& content, const std::vector<ByteRange>& ranges,
                     const Answering& answering, Response& out) {
  const std::string boundary(content.digest().substr(0, 32));
  std::vector<std::string> heads;
  uint64_t length = 0;
  for (const ByteRange& range : ranges) {
    heads.push_back((heads.empty() ? "--" : "\r\n--") + boundary +
                    "\r\nContent-Type: " + content.described.content_type + "\r\n" +
                    content_range(range, content.representation.size) + "\r\n");
    length += heads.back().size() + range.length;
  }
  const std::string end = "\r\n--" + boundary + "--\r\n";
  out.status = 206;
  start_head(out.text, 206, answering);
  append_representation(out.text, content);
  out.text.append("Content-Type: multipart/byteranges; boundary=").append(boundary).append("\r\n");
  append_length(out.text, length + end.size());
  append_connection(out.text, &request, answering, out.keep_alive);
  out.text.append("\r\n");
  size_t from = 0;
  for (size_t i = 0; i < ranges.size(); i++) {
    out.text.append(heads[i]);
    close_text(out, from);
    from = out.text.size();
    out.pieces.push_back({Piece::Of::file, ranges[i].first, ranges[i].length});
  }
  out.text.append(end);
  close_text(out, from);
}

void build_not_modified(const Request& request, const Content& content, const Answering& answering,
                        Response& out) {
  out.status = 304;
  start_head(out.text, 304, answering);
  append_representation(out.text, content);
  append_connection(out.text, &request, answering, out.keep_alive);
  out.text.append("\r\n");
  close_text(out, 0);
}

bool has_sha256(std::string_view bytes, std::string_view hex_digest) {
  unsigned char digest[32];
  if (EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) return false;
  constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof digest; i++) {
    if (hex_digest[2 * i] != kHex[digest[i] >> 4] || hex_digest[2 * i + 1] != kHex[digest[i] & 15])
      return false;
  }
  return true;
}

bool wants_plain_get(const Request& request) {
  if (request.method != Method::get || !request.keep_alive || request.http10 || request.has_body)
    return false;
  constexpr Field kSelecting[] = {Field::range, Field::if_match, Field::if_none_match,
                                  Field::if_modified_since, Field::if_unmodified_since};
  for (const Field field : kSelecting) {
    if (request.field(field).data()) return false;
  }
  return true;
}

// The head and the verified body in one buffer; null when the body is not wholly in the page cache.
std::unique_ptr<WholeResponse> make_whole(const OpenedPlan& plan, const Answering& answering, bool* broken) {
  const Content content = content_of(plan, answering.now);
  const size_t size = plan.file->size();
  auto whole = std::make_unique<WholeResponse>();
  std::string& bytes = whole->bytes;
  start_head(bytes, 200, answering);
  whole->date = bytes.size() - kDateBytes - 2;
  whole->dated = answering.now;
  append_representation(bytes, content);
  bytes.append("Content-Type: ").append(content.described.content_type).append("\r\n");
  append_length(bytes, size);
  bytes.append("\r\n");
  const size_t head = bytes.size();
  bytes.resize(head + size);
  if (size > 0) {
    iovec to{bytes.data() + head, size};
    const int flags = plan.file->always_resident() ? 0 : RWF_NOWAIT;
    if (::preadv2(plan.file->fd(), &to, 1, 0, flags) != static_cast<ssize_t>(size)) return nullptr;
  }
  *broken = !has_sha256(std::string_view(bytes).substr(head), plan.file->digest());
  return *broken ? nullptr : std::move(whole);
}

}  // namespace

void Response::clear() {
  text.clear();
  pieces.clear();
  plan.reset();
  keep_alive = true;
}

uint64_t Response::size() const {
  uint64_t bytes = 0;
  for (const Piece& piece : pieces) bytes += piece.length;
  return bytes;
}

uint64_t Response::body_in_file() const {
  uint64_t total = 0;
  for (const Piece& piece : pieces) total += piece.of == Piece::Of::file ? piece.length : 0;
  return total;
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
  std::vector<ByteRange> ranges;
  switch (evaluate(request, content.representation, answering.max_ranges, ranges)) {
    case Outcome::precondition_failed: return Problem::precondition_failed;
    case Outcome::range_unsatisfiable: return Problem::range_unsatisfiable;
    case Outcome::not_modified: build_not_modified(request, content, answering, out); break;
    case Outcome::full: build_full(request, content, answering, out); break;
    case Outcome::partial:
      if (ranges.size() == 1) {
        build_single(request, content, ranges[0], answering, out);
      } else {
        build_multipart(request, content, ranges, answering, out);
      }
  }
  return Problem::none;
}

void build_respond(int status, const ResponseFields& fields, std::string_view body, const Request* request,
                   const Answering& answering, Response& out) {
  out.status = status;
  start_head(out.text, status, answering);
  append_fields(out.text, fields);
  const bool bodiless = status == 204 || status == 304;  // RFC 9110 8.6: no Content-Length with 204
  if (!bodiless) append_length(out.text, body.size());
  append_connection(out.text, request, answering, out.keep_alive);
  out.text.append("\r\n");
  const bool head_only = request && request->method == Method::head;
  if (!head_only && !bodiless) out.text.append(body);
  close_text(out, 0);
}

const WholeResponse* whole_response(const Request& request, const OpenedPlan& plan,
                                    const Answering& answering, bool* built, bool* broken) {
  if (!wants_plain_get(request)) return nullptr;
  if (!plan.whole) {
    if (plan.file->size() > answering.small_body) return nullptr;
    plan.whole = make_whole(plan, answering, broken);
    if (!plan.whole) return nullptr;
    *built = true;
  }
  WholeResponse& whole = *plan.whole;
  if (whole.dated != answering.now) {
    if (plan.plan.date_at(answering.now) != plan.plan.last_modified) return nullptr;
    std::memcpy(whole.bytes.data() + whole.date, answering.date, kDateBytes);
    whole.dated = answering.now;
  }
  return &whole;
}

}  // namespace sealgate
