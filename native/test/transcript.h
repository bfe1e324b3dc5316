// transcript(): what Http1 makes of a stream of bytes that arrives in given pieces, as text: one line an
// event, body pieces joined, so that two ways to cut the same stream can be compared.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/http1.h"

namespace sealgate {

// Http1 broke its own contract: no outcome of any input.
[[noreturn]] inline void broken(const char* what) {
  std::fprintf(stderr, "Http1: %s\n", what);
  std::abort();
}

// "PUT /o/b/n length=5 close" and a line for each field the engine reads.
inline std::string describe(const Request& request) {
  constexpr std::array<const char*, static_cast<size_t>(Field::count_)> kNames = {
      "host",     "range",  "if-match",     "if-none-match", "if-modified-since", "if-unmodified-since",
      "if-range", "expect", "authorization"};
  std::string text = std::string(request.method_name) + " " + std::string(request.target);
  if (request.chunked) text += " chunked";
  if (request.content_length > 0) text += " length=" + std::to_string(request.content_length);
  if (request.http10) text += " 1.0";
  if (!request.keep_alive) text += " close";
  if (request.expect_continue) text += " continue";
  text += "\n";
  for (size_t i = 0; i < kNames.size(); i++) {
    const std::string_view value = request.fields[i];
    if (value.data()) text += "  " + std::string(kNames[i]) + "=" + std::string(value) + "\n";
  }
  return text;
}

class Transcript {
 public:
  using OnHead = std::function<void(const Request&)>;

  explicit Transcript(const HttpLimits& limits, OnHead on_head = {})
      : http_(limits), on_head_(std::move(on_head)) {}

  // Each piece lies in memory of its own, gone after the call: a view that outlives it is an error under
  // ASan. False once the parser has failed.
  bool feed(std::string_view piece) {
    const std::unique_ptr<char[]> bytes(new char[piece.size()]);
    piece.copy(bytes.get(), piece.size());
    size_t used = 0;
    for (;;) {
      const Http1::Step step = http_.next(bytes.get() + used, piece.size() - used, request_);
      if (step.consumed > piece.size() - used) broken("consumed more than it was given");
      used += step.consumed;
      if (!take(step)) return false;
      if (step.event != Http1::Event::more) continue;
      if (used != piece.size()) broken("asked for more and left bytes");
      return true;
    }
  }

  const std::string& text() const { return text_; }
  // The head fields of each message, as they travel to the application.
  const std::string& heads() const { return heads_; }
  bool idle() const { return http_.idle(); }

 private:
  bool take(const Http1::Step& step) {
    switch (step.event) {
      case Http1::Event::more: return true;
      case Http1::Event::head:
        head_ = describe(request_);
        text_ += head_;
        heads_ += request_.head;
        if (on_head_) on_head_(request_);
        return true;
      case Http1::Event::body:
        if (step.body.empty()) broken("a body event without bytes");
        body_ += step.body;
        return true;
      case Http1::Event::complete:
        if (describe(request_) != head_) broken("the request changed after its head");
        if (!http_.idle()) broken("not idle after a whole message");
        if (!request_.chunked && body_.size() != request_.content_length) {
          broken("a body of another length than Content-Length says");
        }
        head_.clear();
        end_body("end\n");
        return true;
      case Http1::Event::failed: end_body("failed " + std::string(problem_name(step.problem)) + "\n");
    }
    return false;
  }

  void end_body(const std::string& how) {
    if (!body_.empty()) text_ += "body " + body_ + "\n";
    body_.clear();
    text_ += how;
  }

  Http1 http_;
  Request request_;
  OnHead on_head_;
  std::string text_, heads_, head_, body_;
};

inline std::string transcript(const std::vector<std::string_view>& pieces, const HttpLimits& limits = {}) {
  Transcript transcript(limits);
  for (const std::string_view piece : pieces) {
    if (!transcript.feed(piece)) break;
  }
  return transcript.text();
}

inline std::vector<std::string_view> byte_by_byte(std::string_view stream) {
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < stream.size(); i++) pieces.push_back(stream.substr(i, 1));
  return pieces;
}

}  // namespace sealgate
