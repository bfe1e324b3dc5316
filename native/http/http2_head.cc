#include "http/http2_head.h"

#include <charconv>

#include "base/text.h"
#include "http/llhttp_method.h"
#include "http/request_syntax.h"

namespace sealgate {
namespace {

constexpr size_t kFieldOverhead = 32;  // RFC 9113 6.5.2
// A head of so many times the allowed size is not answered any more.
constexpr size_t kHopeless = 16;

}  // namespace

Http2Head::Http2Head(const HttpLimits& limits, Request& request) : limits_(limits), request_(request) {
  request_.clear();
}

Http2Head::Span Http2Head::put(std::string_view text) {
  const size_t at = request_.bytes.size();
  request_.bytes.append(text);
  return {at, text.size()};
}

bool Http2Head::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + kFieldOverhead;
  if (size_ > limits_.head_bytes && problem_ == Problem::none) problem_ = Problem::head_too_large;
  if (name.starts_with(':') && problem_ == Problem::none) {
    add_pseudo(name, value);
    return true;
  }
  if (++fields_ > limits_.fields && problem_ == Problem::none) problem_ = Problem::head_too_large;
  if (problem_ != Problem::none) return size_ <= limits_.head_bytes * kHopeless;
  begin_fields();
  if (name == "cookie") {
    if (!cookies_.empty()) cookies_.append("; ");
    cookies_.append(value);
    return true;
  }
  const Field field = field_of(name);
  // The authority has its line already. Another host than that could be read as either one.
  if (field == Field::host && authority_.size > 0) {
    if (!same(value, text(authority_))) problem_ = Problem::host_invalid;
    return true;
  }
  put(name);
  put(": ");
  const Span written = put(value);
  put("\r\n");
  if (field != Field::count_) known_.emplace_back(field, written);
  if (name == "content-length") {
    has_length_ = true;
    // nghttp2 has checked that it is a number.
    std::from_chars(value.data(), value.data() + value.size(), request_.content_length);
  }
  return true;
}

void Http2Head::add_pseudo(std::string_view name, std::string_view value) {
  if (name == ":path") {
    if (value.size() > limits_.target_bytes)
      problem_ = Problem::target_too_long;
    else
      path_ = put(value);
  } else if (name == ":method") {
    method_ = put(value);
  } else if (name == ":authority") {
    authority_ = put(value);
  } else if (name == ":scheme") {
    scheme_ = put(value);
  }
}

// Host comes first, in the place of the authority.
void Http2Head::begin_fields() {
  if (fields_at_ != 0) return;
  fields_at_ = request_.bytes.size();
  if (authority_.size == 0) return;
  const std::string authority(text(authority_));
  put("host: ");
  known_.emplace_back(Field::host, put(authority));
  put("\r\n");
}

void Http2Head::take_field(Field field, Span value) {
  std::string_view& known = request_.fields[static_cast<size_t>(field)];
  if (!known.data()) {
    known = text(value);
  } else if (is_list(field)) {
    join_list(request_, field, text(value));
  } else {
    problem_ = field == Field::host ? Problem::host_invalid : Problem::head_malformed;
  }
}

Problem Http2Head::check_target() {
  const std::string_view scheme = text(scheme_);
  if (!same(scheme, "http") && !same(scheme, "https")) return Problem::head_malformed;
  // A path that is a URL could name another host than the authority.
  if (request_.target.empty() || (request_.target.front() != '/' && request_.target != "*"))
    return Problem::head_malformed;
  std::string_view authority;
  if (!normalize_target(request_.target, request_.method, authority)) return Problem::head_malformed;
  const std::string_view host = request_.field(Field::host);
  return host.empty() || host.front() == ':' || !is_host(host) ? Problem::host_invalid : Problem::none;
}

Problem Http2Head::finish(bool has_body) {
  if (problem_ != Problem::none) return problem_;
  begin_fields();
  if (!cookies_.empty()) {
    put("cookie: ");
    put(cookies_);
    put("\r\n");
  }
  request_.method_name = text(method_);
  const std::optional<Method> method = method_named(request_.method_name);
  request_.method = method.value_or(Method::other);
  request_.target = text(path_);
  request_.head = std::string_view(request_.bytes).substr(fields_at_);
  for (const auto& [field, value] : known_) take_field(field, value);
  if (problem_ != Problem::none) return problem_;
  if (!method || request_.method_name == "CONNECT") return Problem::method_unknown;
  if (const Problem found = check_target(); found != Problem::none) return found;
  request_.keep_alive = true;
  request_.has_body = has_body;
  request_.chunked = has_body && !has_length_;  // its length is not known
  if (const std::string_view expect = request_.field(Field::expect); expect.data()) {
    if (!expects_continue_alone(expect)) return Problem::expectation_unknown;
    request_.expect_continue = true;
  }
  return Problem::none;
}

}  // namespace sealgate
