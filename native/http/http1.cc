#include "http/http1.h"

#include <llhttp.h>

#include <algorithm>

#include "base/text.h"
#include "http/chunk_lines.h"
#include "http/llhttp_method.h"
#include "http/request_syntax.h"

namespace sealgate {
namespace {

constexpr size_t kBlankBytes = 8;  // most bytes of empty lines before a request (RFC 9112 2.2)

}  // namespace

// The value in llhttp's parser before it has read a version.
constexpr uint8_t kNoVersion = 255;

struct Http1::Impl {
  explicit Impl(const HttpLimits& given);
  int pause(Event with) {
    event = with;
    return HPE_PAUSED;
  }
  int fail(Problem with) {
    event = Event::failed;
    problem = with;
    return HPE_USER;
  }
  static Step failed(Problem why, size_t consumed) { return {Event::failed, why, consumed, {}}; }
  Step next_of_head(const char* data, size_t size, Request& request);
  Step next_of_body(const char* data, size_t size);
  Step end_without_body();
  Step execute_body(std::string_view data);
  bool take_lines(std::string_view bytes);
  void begin_message(Request& request);
  void end_message();
  size_t execute(const char* data, size_t size);
  bool speaks_http1() const { return parser.http_major == 1 && parser.http_minor <= 1; }
  Problem problem_of(llhttp_errno_t error) const;
  Problem read_head(std::string_view text, Request& request);
  Problem read_field(std::string_view line, Request& request);
  Problem check_framing(Request& request) const;

  const HttpLimits limits;
  llhttp_t parser;
  llhttp_settings_t settings;
  bool idle = true;      // between messages
  bool in_body = false;  // the head is complete, the message is not
  size_t target_size = 0;
  size_t blank = 0;
  size_t since_body = 0;  // bytes of chunk lines and trailers since the last body bytes
  ChunkLines chunk_lines;
  bool chunked = false;
  bool has_body = false;
  bool in_extension = false;  // of a chunk, which ChunkLines reads and llhttp does not
  bool has_length = false;
  bool says_close = false;
  std::string_view transfer_encoding;
  uint16_t head_flags = 0;  // llhttp's, at the end of the head
  Event event = Event::more;
  Problem problem = Problem::none;
  std::string_view body;
};

Http1::Http1(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
Http1::~Http1() = default;

bool Http1::idle() const { return impl_->idle; }

// --- llhttp ---

Http1::Impl::Impl(const HttpLimits& given) : limits(given) {
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* p, const char*, size_t size) -> int {
    Impl& self = *static_cast<Impl*>(p->data);
    self.target_size += size;
    return self.target_size > self.limits.target_bytes ? self.fail(Problem::target_too_long) : 0;
  };
  settings.on_headers_complete = [](llhttp_t* p) -> int {
    p->upgrade = 0;  // Upgrade is ignored: what follows is HTTP/1.1 still (RFC 9110 7.8)
    Impl& self = *static_cast<Impl*>(p->data);
    self.head_flags = p->flags;
    return self.pause(Event::head);
  };
  settings.on_body = [](llhttp_t* p, const char* at, size_t size) -> int {
    if (size == 0) return 0;  // llhttp closes a span of no bytes when it is given none
    Impl& self = *static_cast<Impl*>(p->data);
    self.body = {at, size};
    return self.pause(Event::body);
  };
  settings.on_message_complete = [](llhttp_t* p) -> int {
    Impl& self = *static_cast<Impl*>(p->data);
    p->flags = self.head_flags;  // a trailer's Connection says nothing about this one (RFC 9110 6.5.1)
    return self.pause(Event::complete);
  };
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = this;
}

// Runs llhttp until the next event or the end of the data; returns the number of bytes consumed.
size_t Http1::Impl::execute(const char* data, size_t size) {
  static const char nothing = 0;
  if (!data) data = &nothing;
  event = Event::more;
  if (llhttp_get_errno(&parser) == HPE_PAUSED) llhttp_resume(&parser);
  const llhttp_errno_t error = llhttp_execute(&parser, data, size);
  if (error == HPE_OK) return size;
  if (error != HPE_PAUSED && event != Event::failed) {
    event = Event::failed;
    problem = problem_of(error);
  }
  const char* at = llhttp_get_error_pos(&parser);
  return at >= data && at <= data + size ? static_cast<size_t>(at - data) : size;
}

Problem Http1::Impl::problem_of(llhttp_errno_t error) const {
  switch (error) {
    case HPE_INVALID_METHOD: return Problem::method_unknown;
    case HPE_INVALID_VERSION:
      // llhttp 9 reports the same error when no CRLF follows the version.
      return speaks_http1() ? Problem::head_malformed : Problem::version_unsupported;
    case HPE_PAUSED_H2_UPGRADE: return Problem::version_unsupported;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING: return Problem::framing_ambiguous;
    case HPE_INVALID_CHUNK_SIZE: return Problem::chunk_malformed;
    default: return in_body ? Problem::chunk_malformed : Problem::head_malformed;
  }
}

// --- the head, once llhttp found it well-formed and its bytes stand together ---

// Stricter than llhttp: each line ends with CRLF, where llhttp takes LF as well, and no line is folded. CR
// and NUL are llhttp's to refuse. A proxy that reads such heads differently could be used for request
// smuggling (RFC 9112 2.2, 5.2, 11.2).
Problem Http1::Impl::read_head(std::string_view text, Request& request) {
  if (!speaks_http1()) return Problem::version_unsupported;
  request.method = method_of(parser.method);
  size_t fields_from = 0, from = 0;
  for (size_t fields = 0;; fields++) {
    const size_t end = text.find('\n', from);
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r') return Problem::head_malformed;
    const std::string_view line = text.substr(from, end - 1 - from);
    if (from == 0) {
      constexpr size_t kVersionBytes = std::string_view(" HTTP/1.1").size();
      const size_t space = line.find(' '), target_end = line.size() - kVersionBytes;
      // llhttp reads the methods of RTSP and Icecast too, with versions of their own.
      if (line.substr(target_end, 5) != " HTTP") return Problem::version_unsupported;
      request.method_name = line.substr(0, space);
      request.target = line.substr(space + 1, target_end - space - 1);
      fields_from = end + 1;
    } else if (line.empty()) {
      request.head = text.substr(fields_from, from - fields_from);
      return check_framing(request);
    } else if (fields > limits.fields) {
      return Problem::head_too_large;
    } else if (const Problem problem_found = read_field(line, request); problem_found != Problem::none) {
      return problem_found;
    }
    from = end + 1;
  }
}

Problem Http1::Impl::read_field(std::string_view line, Request& request) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) return Problem::head_malformed;
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (const Field field = field_of(name); field != Field::count_) {
    std::string_view& known = request.fields[static_cast<size_t>(field)];
    if (!known.data()) {
      known = value;
    } else if (is_list(field)) {
      join_list(request, field, value);
    } else {
      // Two different values could be read as either one.
      return field == Field::host ? Problem::host_invalid : Problem::head_malformed;
    }
  } else if (same(name, "transfer-encoding")) {
    if (transfer_encoding.data()) return Problem::framing_ambiguous;
    transfer_encoding = value;
  } else if (same(name, "content-length")) {
    if (has_length) return Problem::framing_ambiguous;
    has_length = true;
  } else if (same(name, "connection")) {
    says_close = says_close || lists_token(value, "close");
  }
  return Problem::none;
}

Problem Http1::Impl::check_framing(Request& request) const {
  request.http10 = parser.http_major == 1 && parser.http_minor == 0;
  if (request.method == Method::other && parser.method == HTTP_CONNECT) return Problem::method_unknown;
  std::string_view& host = request.fields[static_cast<size_t>(Field::host)];
  std::string_view authority = host;
  if (!normalize_target(request.target, request.method, authority)) return Problem::head_malformed;
  if ((!host.data() && !request.http10) || !is_host(host)) return Problem::host_invalid;
  host = authority;
  if (transfer_encoding.data()) {
    if (has_length || request.http10) return Problem::framing_ambiguous;  // RFC 9112 6.1
    if (const Problem found = problem_of_coding(transfer_encoding); found != Problem::none) return found;
    request.chunked = true;
  }
  request.content_length = has_length ? parser.content_length : 0;
  request.has_body = request.chunked || request.content_length > 0;
  // llhttp recognizes "close" after a space, but not after a tab.
  request.keep_alive = !says_close && llhttp_should_keep_alive(&parser) != 0;
  if (const std::string_view expect = request.field(Field::expect); expect.data()) {
    if (!expects_continue_alone(expect)) return Problem::expectation_unknown;
    request.expect_continue = !request.http10;
  }
  return Problem::none;
}

// --- one event a call ---

Http1::Step Http1::Impl::next_of_head(const char* data, size_t size, Request& request) {
  size_t skipped = 0;
  if (idle) {
    while (skipped < size && (data[skipped] == '\r' || data[skipped] == '\n')) skipped++;
    if ((blank += skipped) > kBlankBytes) return failed(Problem::head_malformed, skipped);
    if (skipped == size) return {Event::more, Problem::none, size, {}};
    begin_message(request);
  }
  // A head that began in an earlier call is parsed in its buffer, where its bytes are contiguous.
  std::string& collected = request.bytes;
  const size_t before = collected.size();
  const char* from = data + skipped;
  const size_t given = std::min(size - skipped, limits.head_bytes + 1 - before);
  if (before > 0) {
    collected.append(from, given);
    from = collected.data() + before;
  }
  const size_t parsed = execute(from, given);
  const size_t consumed = skipped + parsed;
  const size_t head_bytes = before + parsed;
  if (event == Event::failed && problem == Problem::method_unknown) {
    // llhttp fails at the first letter that fits no method, so more bytes do not change its answer.
    if (before == 0) collected.assign(from, given);
    const Opening opening = opening_of(collected);
    if (opening == Opening::open) return {Event::more, Problem::none, skipped + given, {}};
    return failed(opening == Opening::method ? problem : Problem::head_malformed, consumed);
  }
  if (event == Event::failed) return failed(problem, consumed);
  if (head_bytes > limits.head_bytes) return failed(Problem::head_too_large, consumed);
  if (before == 0) collected.append(from, parsed);  // a head in one piece: cheaper than assign
  if (event == Event::more) return {Event::more, Problem::none, consumed, {}};
  in_body = true;
  if (before > 0) collected.resize(head_bytes);  // what follows it came along
  if (const Problem found = read_head(collected, request); found != Problem::none)
    return failed(found, consumed);
  has_body = request.has_body;
  chunked = request.chunked;
  if (chunked) chunk_lines.restart();
  return {Event::head, Problem::none, consumed, {}};
}

// llhttp reports the end of a message by itself, also where no byte belongs to it.
Http1::Step Http1::Impl::end_without_body() {
  execute(nullptr, 0);
  if (event != Event::complete) return failed(Problem::head_malformed, 0);
  end_message();
  return {Event::complete, Problem::none, 0, {}};
}

void Http1::Impl::end_message() {
  idle = true;
  in_body = false;
  blank = 0;
}

// Chunk extensions and trailers are not used, so their size is limited.
bool Http1::Impl::take_lines(std::string_view bytes) {
  since_body += bytes.size();
  return since_body <= limits.head_bytes && chunk_lines.take(bytes);
}

Http1::Step Http1::Impl::next_of_body(const char* data, size_t size) {
  for (std::string_view left{data, size};;) {
    if (in_extension) {
      const size_t end = std::min(left.find_first_of("\r\n"), left.size());
      if (!take_lines(left.substr(0, end))) return failed(Problem::chunk_malformed, size - left.size() + end);
      left.remove_prefix(end);
      in_extension = left.empty();
    }
    const size_t given = chunked ? chunk_lines.before_extension(left) : left.size();
    Step step = execute_body(left.substr(0, given));
    left.remove_prefix(step.consumed);
    step.consumed = size - left.size();
    if (step.event != Event::more || left.empty()) return step;
    in_extension = true;
  }
}

Http1::Step Http1::Impl::execute_body(std::string_view data) {
  const size_t parsed = execute(data.data(), data.size());
  const size_t between = event == Event::body ? parsed - body.size() : parsed;
  if (between > 0 && !take_lines(data.substr(0, between))) return failed(Problem::chunk_malformed, parsed);
  if (event == Event::complete && !chunk_lines.whole()) return failed(Problem::chunk_malformed, parsed);
  if (event == Event::failed) return failed(problem, parsed);
  if (event == Event::body) {
    since_body = 0;
    chunk_lines.take_data(body.size());
  }
  if (event == Event::complete) end_message();
  return {event, Problem::none, parsed, event == Event::body ? body : std::string_view()};
}

void Http1::Impl::begin_message(Request& request) {
  idle = false;
  request.clear();
  target_size = since_body = 0;
  in_extension = false;
  has_length = says_close = false;
  transfer_encoding = {};
  parser.http_minor = kNoVersion;
}

Http1::Step Http1::next(const char* data, size_t size, Request& request) {
  if (!impl_->in_body) return impl_->next_of_head(data, size, request);
  return impl_->has_body ? impl_->next_of_body(data, size) : impl_->end_without_body();
}

}  // namespace sealgate
