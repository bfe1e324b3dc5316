// Http1 refuses whatever two parsers could read differently, and whatever exceeds a limit, each with the one
// Problem that says why, however the bytes were cut.
#include <doctest/doctest.h>
#include "http/http1.h"
#include "test/transcript.h"

namespace sealgate {
namespace {

struct Example {
  std::string name;
  std::string stream;
  Problem problem;
};

using enum Problem;

std::string last_line(const std::string& text) {
  return text.substr(text.rfind('\n', text.size() - 2) + 1);  // npos + 1 is 0
}

void refused(const Example& example, const HttpLimits& limits = {}) {
  INFO(std::string(example.name));
  const std::string_view stream = example.stream;
  const std::string expected = "failed " + std::string(problem_name(example.problem)) + "\n";
  CHECK_EQ(last_line(transcript({stream}, limits)), expected);
  for (size_t cut = 0; cut <= stream.size(); cut++) {
    INFO(("cut at " + std::to_string(cut)));
    CHECK_EQ(last_line(transcript({stream.substr(0, cut), stream.substr(cut)}, limits)), expected);
  }
  INFO(std::string("byte by byte"));
  CHECK_EQ(last_line(transcript(byte_by_byte(stream), limits)), expected);
}

std::string put(const std::string& fields, const std::string& body = "") {
  return "PUT / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

std::string chunks(const std::string& body) { return put("Transfer-Encoding: chunked\r\n", body); }

TEST_CASE("a body whose end is open to doubt is refused") {
  const std::string te = "Transfer-Encoding: chunked\r\n", length = "Content-Length: 5\r\n";
  refused({"length before chunked", put(length + te, "0\r\n\r\n"), framing_ambiguous});
  refused({"chunked before length", put(te + length, "0\r\n\r\n"), framing_ambiguous});
  refused({"two lengths that differ", put(length + "Content-Length: 6\r\n", "hello!"), framing_ambiguous});
  refused({"two lengths that agree", put(length + length, "hello"), framing_ambiguous});
  refused({"a list of lengths", put("Content-Length: 5, 5\r\n", "hello"), framing_ambiguous});
  refused({"a length with a sign", put("Content-Length: +5\r\n", "hello"), framing_ambiguous});
  refused({"a negative length", put("Content-Length: -5\r\n", "hello"), framing_ambiguous});
  refused({"a length in hexadecimal", put("Content-Length: 0x5\r\n", "hello"), framing_ambiguous});
  refused({"a length with a blank inside", put("Content-Length: 5 5\r\n", "hello"), framing_ambiguous});
  refused({"an empty length", put("Content-Length:\r\n", "hello"), framing_ambiguous});
  refused({"a length beyond 64 bits", put("Content-Length: 18446744073709551616\r\n"), framing_ambiguous});
  refused({"two Transfer-Encodings", put(te + te, "0\r\n\r\n"), framing_ambiguous});
  refused({"chunked twice", put("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"chunked not last", put("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"never chunked", put("Transfer-Encoding: gzip\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"identity", put("Transfer-Encoding: identity\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"an empty Transfer-Encoding", put("Transfer-Encoding:\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"something like chunked", put("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"chunked in quotes", put("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), framing_ambiguous});
  refused({"chunked under HTTP/1.0", "PUT / HTTP/1.0\r\n" + te + "\r\n0\r\n\r\n", framing_ambiguous});
  refused(
      {"a coding before chunked", put("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), coding_unknown});
}

TEST_CASE("a head that is not built of whole CRLF lines is refused") {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  refused({"a blank after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", head_malformed});
  refused({"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", head_malformed});
  refused({"bare LF after a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", head_malformed});
  refused({"bare LF as the empty line", get + "\n", head_malformed});
  refused({"bare CR in a value", get + "X: a\rb\r\n\r\n", head_malformed});
  refused({"bare CR after a value", get + "X: a\rY: b\r\n\r\n", head_malformed});
  refused({"CR CR LF", get + "X: a\r\r\n\r\n", head_malformed});
  refused({"a folded line", get + "X: a\r\n b\r\n\r\n", head_malformed});
  refused({"a folded line with a tab", get + "X: a\r\n\tb\r\n\r\n", head_malformed});
  refused({"a blank before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", head_malformed});
  refused({"a blank before the colon", get + "Content-Length : 5\r\n\r\n", head_malformed});
  refused({"a tab before the colon", get + "Transfer-Encoding\t: chunked\r\n\r\n", head_malformed});
  refused({"a blank in an unknown field's name", get + "X : a\r\n\r\n", head_malformed});
  refused({"a field name that is no token", get + "X(y): a\r\n\r\n", head_malformed});
  refused({"a field without a colon", get + "Nonsense\r\n\r\n", head_malformed});
  refused({"a field without a name", get + ": v\r\n\r\n", head_malformed});
  refused({"NUL in a value", get + std::string("X: a\0b\r\n\r\n", 10), head_malformed});
  refused({"NUL in a name", get + std::string("X\0Y: b\r\n\r\n", 10), head_malformed});
  refused(
      {"NUL in the target", std::string("GET /\0x HTTP/1.1\r\n", 18) + "Host: h\r\n\r\n", head_malformed});
  refused({"a control character in a value", get + "X: a\x01\r\n\r\n", head_malformed});
  refused({"a quote in a name", get + "\"X\": a\r\n\r\n", head_malformed});
  refused({"nine empty lines", std::string(18, '\n') + get + "\r\n", head_malformed});
}

// Whether CR and LF occur as line ends only, and NUL nowhere.
bool has_whole_lines(std::string_view text) {
  for (size_t from = 0; from < text.size();) {
    const size_t end = text.find_first_of(std::string_view("\r\n\0", 3), from);
    if (end == std::string_view::npos || text.substr(end, 2) != "\r\n") return false;
    from = end + 2;
  }
  return true;
}

TEST_CASE("CR, LF and NUL at any place of a head reach nobody, and no line has two meanings") {
  const std::string head = "GET /a HTTP/1.1\r\nHost: h\r\nX-Y: a b\r\nRange: bytes=0-\r\n\r\n";
  const std::string_view bytes("\r\n\0\t ", 5);
  const auto check = [](const std::string& changed) {
    INFO(changed);
    Transcript read({}, [](const Request& request) {
      CHECK(has_whole_lines(request.bytes));
      CHECK_EQ(std::string(request.method_name), "GET");
      CHECK(request.target.find_first_of(std::string_view("\r\n\0\t ", 5)) == std::string_view::npos);
      for (const std::string_view value : request.fields)
        CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    });
    read.feed(changed);
  };
  for (size_t at = 0; at <= head.size(); at++) {
    for (const char one : bytes) {
      for (const char other : bytes) {
        const std::string pair{one, other};
        for (const size_t length : {1, 2}) {
          check(std::string(head).insert(at, pair, 0, length));
          if (at + length <= head.size()) check(std::string(head).replace(at, length, pair, 0, length));
        }
      }
    }
    if (at < head.size()) check(std::string(head).erase(at, 1));
  }
}

TEST_CASE("a request line that is none is refused") {
  const auto line = [](const std::string& text) { return text + "\r\nHost: h\r\n\r\n"; };
  refused({"two blanks before the target", line("GET  / HTTP/1.1"), head_malformed});
  refused({"a blank in the target", line("GET /a b HTTP/1.1"), head_malformed});
  refused({"a tab for a blank", line("GET\t/ HTTP/1.1"), head_malformed});
  refused({"a blank in front", line(" GET / HTTP/1.1"), head_malformed});
  refused({"a fragment", line("GET /a#b HTTP/1.1"), head_malformed});
  refused({"a target without a slash", line("GET a/b HTTP/1.1"), head_malformed});
  refused({"bytes beyond ASCII in the target", line("GET /\xc3\xa9 HTTP/1.1"), head_malformed});
  refused({"asterisk-form for GET", line("GET * HTTP/1.1"), head_malformed});
  refused({"absolute-form without a host", line("GET http:///a HTTP/1.1"), head_malformed});
  refused({"absolute-form with a port alone", line("GET http://:80/a HTTP/1.1"), head_malformed});
  refused({"absolute-form with a user", line("GET http://me@h/a HTTP/1.1"), head_malformed});
  refused({"absolute-form of another scheme", line("GET ftp://h/a HTTP/1.1"), head_malformed});
  refused({"a method in small letters", line("get / HTTP/1.1"), method_unknown});
  refused({"a method nobody knows", line("BREW /pot HTTP/1.1"), method_unknown});
  refused({"CONNECT", line("CONNECT h:443 HTTP/1.1"), method_unknown});
  refused({"a TLS ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), head_malformed});
}

TEST_CASE("a version that is not 1.0 or 1.1 is refused") {
  refused({"HTTP/0.9", "GET /\r\n\r\n", version_unsupported});
  refused({"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", version_unsupported});
  refused({"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", version_unsupported});
  refused({"Icecast", "SOURCE /a ICE/1.0\r\nHost: h\r\n\r\n", version_unsupported});
  refused({"RTSP", "DESCRIBE /a RTSP/1.0\r\nHost: h\r\n\r\n", version_unsupported});
  refused({"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version_unsupported});
}

TEST_CASE("HTTP/1.1 without exactly one valid Host is refused") {
  const auto get = [](const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n"; };
  refused({"no Host", get("Accept: */*\r\n"), host_invalid});
  refused({"two Hosts that differ", get("Host: a\r\nHost: b\r\n"), host_invalid});
  refused({"two Hosts that agree", get("Host: a\r\nHost: a\r\n"), host_invalid});
  refused({"two hosts in one", get("Host: a, b\r\n"), host_invalid});
  refused({"a path in the Host", get("Host: a/b\r\n"), host_invalid});
  refused({"a user in the Host", get("Host: a@b\r\n"), host_invalid});
  refused({"two Hosts under HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", host_invalid});
}

TEST_CASE("a field that decides the answer comes once") {
  for (const std::string name :
       {"Range", "If-Range", "If-Modified-Since", "If-Unmodified-Since", "Authorization"}) {
    refused({"two of " + name, put(name + ": \"a\"\r\n" + name + ": \"b\"\r\n"), head_malformed});
  }
}

TEST_CASE("an expectation that is not 100-continue is refused") {
  refused({"another", put("Expect: 200-ok\r\n"), expectation_unknown});
  refused({"an empty one", put("Expect:\r\n"), expectation_unknown});
  refused({"an empty list", put("Expect: ,\r\n"), expectation_unknown});
  refused({"another beside it", put("Expect: 100-continue, x\r\n"), expectation_unknown});
  refused(
      {"another in a line of its own", put("Expect: 100-continue\r\nExpect: x\r\n"), expectation_unknown});
}

// Limits small enough for a test to reach them to the byte.
HttpLimits small_limits() {
  HttpLimits limits;
  limits.target_bytes = 20;
  limits.head_bytes = 100;
  limits.fields = 3;
  return limits;
}

TEST_CASE("a target up to its limit is read, a longer one refused") {
  const auto get = [](size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK_EQ(last_line(transcript({get(20)}, small_limits())), "end\n");
  refused({"one byte more", get(21), target_too_long}, small_limits());
  refused({"also longer than a whole head", get(200), target_too_long}, small_limits());
}

TEST_CASE("a head up to its limit is read, a longer one refused") {
  const auto get = [](size_t size) {
    const std::string before = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    return before + std::string(size - before.size() - 4, 'a') + "\r\n\r\n";
  };
  CHECK_EQ(last_line(transcript({get(100)}, small_limits())), "end\n");
  CHECK_EQ(last_line(transcript(byte_by_byte(get(100)), small_limits())), "end\n");
  refused({"one byte more", get(101), head_too_large}, small_limits());
  refused({"far more", get(1000), head_too_large}, small_limits());
  refused({"a malformed line beyond the limit", get(101) + "\n", head_too_large}, small_limits());
}

TEST_CASE("as many fields as the limit are read, more refused") {
  const auto get = [](const std::string& fields) {
    return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
  };
  CHECK_EQ(last_line(transcript({get("A: 1\r\nB: 2\r\n")}, small_limits())), "end\n");
  refused({"one more", get("A: 1\r\nB: 2\r\nC: 3\r\n"), head_too_large}, small_limits());
}

TEST_CASE("bytes of a body that carry nothing are bounded") {
  const std::string bomb(200, 'x');
  refused({"a long extension", chunks("1;" + bomb + "\r\na\r\n0\r\n\r\n"), chunk_malformed}, small_limits());
  refused({"a long size", chunks(std::string(200, '0') + "1\r\na\r\n0\r\n\r\n"), chunk_malformed},
          small_limits());
  refused({"long trailers", chunks("0\r\nX: " + bomb + "\r\n\r\n"), chunk_malformed}, small_limits());
  const std::string many = "1;" + std::string(60, 'x') + "\r\na\r\n";
  CHECK_EQ(last_line(transcript({chunks(many + many + many + "0\r\n\r\n")}, small_limits())), "end\n");
}

}  // namespace
}  // namespace sealgate
