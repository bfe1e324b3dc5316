// Http1 reads well-formed requests as they were meant, however the bytes were cut on their way.
#include "http/http1.h"

#include <doctest/doctest.h>
#include "test/transcript.h"

namespace sealgate {
namespace {

struct Example {
  const char* name;
  std::string stream;
  std::string expected;
};

const std::vector<Example> kExamples = {
    {"a plain GET", "GET /o/b/n?x=1 HTTP/1.1\r\nHost: example\r\nAccept: */*\r\n\r\n",
     "GET /o/b/n?x=1\n  host=example\nend\n"},
    {"field names of any case, values without their blanks",
     "HEAD / HTTP/1.1\r\nhOST:\t example:443 \t\r\nRANGE:bytes=0-1\r\n\r\n",
     "HEAD /\n  host=example:443\n  range=bytes=0-1\nend\n"},
    {"every field the engine reads",
     "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=1-\r\nIf-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n"
     "If-Modified-Since: c\r\nIf-Unmodified-Since: d\r\nIf-Range: \"e\"\r\nAuthorization: Bearer f\r\n\r\n",
     "GET /\n  host=h\n  range=bytes=1-\n  if-match=\"a\"\n  if-none-match=\"b\"\n  if-modified-since=c\n"
     "  if-unmodified-since=d\n  if-range=\"e\"\n  authorization=Bearer f\nend\n"},
    {"a field without a value is there", "GET / HTTP/1.1\r\nHost:\r\nRange:\r\n\r\n",
     "GET /\n  host=\n  range=\nend\n"},
    {"a body of known length", "PUT /o/b/n HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
     "PUT /o/b/n length=5\n  host=h\nbody hello\nend\n"},
    {"a body of length 0", "PUT /o/b/n HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
     "PUT /o/b/n\n  host=h\nend\n"},
    {"a chunked body with extensions and trailers",
     "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "5;a=b\r\nhello\r\n00A;q=\"v\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\nHost: other\r\n\r\n",
     "PUT /x chunked\n  host=h\nbody hello0123456789\nend\n"},
    {"a trailer that would close the connection",
     "PUT /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\n"
     "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     "PUT /1 chunked\n  host=h\nend\nGET /2\n  host=h\nend\n"},
    {"an empty chunked body", "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "PUT /x chunked\n  host=h\nend\n"},
    {"100-continue", "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n!",
     "PUT /x length=1 continue\n  host=h\n  expect=100-Continue\nbody !\nend\n"},
    {"HTTP/1.0 neither waits for 100 nor needs a Host", "PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
     "PUT / 1.0 close\n  expect=100-continue\nend\n"},
    {"Connection: close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
     "GET / close\n  host=h\nend\n"},
    {"close in a list with others", "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n",
     "GET / close\n  host=h\nend\n"},
    {"a list in several lines is one list",
     "GET / HTTP/1.1\r\nIf-None-Match: \"a\"\r\nHost: h\r\nIf-Match: *\r\nif-none-match:\tW/\"b\" \r\n"
     "If-None-Match: \"c\"\r\n\r\n",
     "GET /\n  host=h\n  if-match=*\n  if-none-match=\"a\", W/\"b\", \"c\"\nend\n"},
    {"each request of a connection has lists of its own",
     "GET /1 HTTP/1.1\r\nHost: h\r\nIf-Match: \"a\"\r\nIf-Match: \"b\"\r\n\r\n"
     "GET /2 HTTP/1.1\r\nHost: h\r\nIf-Match: \"c\"\r\nIf-Match: \"d\"\r\n\r\n",
     "GET /1\n  host=h\n  if-match=\"a\", \"b\"\nend\nGET /2\n  host=h\n  if-match=\"c\", \"d\"\nend\n"},
    {"Expect in two lines",
     "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nExpect: 100-Continue\r\nContent-Length: "
     "1\r\n\r\n!",
     "PUT /x length=1 continue\n  host=h\n  expect=100-continue, 100-Continue\nbody !\nend\n"},
    {"close in a line of its own",
     "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: Close\r\n\r\n",
     "GET / close\n  host=h\nend\n"},
    {"close before other lines", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nConnection: x\r\n\r\n",
     "GET / close\n  host=h\nend\n"},
    {"close between blanks", "GET / HTTP/1.1\r\nHost: h\r\nConnection:\tx ,\t close\t\r\n\r\n",
     "GET / close\n  host=h\nend\n"},
    {"HTTP/1.0 with keep-alive in a line of its own",
     "GET / HTTP/1.0\r\nConnection: x\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0\nend\n"},
    {"HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0\nend\n"},
    {"absolute-form is reduced to origin-form, and its authority replaces Host",
     "GET HTTP://Example:80/a?b HTTP/1.1\r\nHost: other\r\n\r\n", "GET /a?b\n  host=Example:80\nend\n"},
    {"absolute-form without a path", "GET https://example HTTP/1.1\r\nHost: example\r\n\r\n",
     "GET /\n  host=example\nend\n"},
    {"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS *\n  host=h\nend\n"},
    {"an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", "GET /\n  host=[::1]:8443\nend\n"},
    {"a method that is known but not served", "PATCH / HTTP/1.1\r\nHost: h\r\n\r\n",
     "PATCH /\n  host=h\nend\n"},
    {"an offer to upgrade is ignored",
     "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
     "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET /1\n  host=h\nend\nGET /2\n  host=h\nend\n"},
    {"empty lines before a request", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\n  host=h\nend\n"},
    {"pipelined requests, with bodies and without",
     "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nGET"
     "\r\nPUT /3 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
     "HEAD /4 HTTP/1.1\r\nHost: d\r\nRange: bytes=-1\r\n\r\n",
     "GET /1\n  host=a\nend\nPUT /2 length=3\n  host=b\nbody GET\nend\n"
     "PUT /3 chunked\n  host=c\nbody x\nend\nHEAD /4\n  host=d\n  range=bytes=-1\nend\n"},
};

TEST_CASE("each example of a request stream gives its transcript") {
  for (const Example& example : kExamples) {
    INFO(std::string(example.name));
    CHECK_EQ(transcript({example.stream}), example.expected);
  }
}

TEST_CASE("a request cut in two at any byte is the same request") {
  for (const Example& example : kExamples) {
    const std::string_view stream = example.stream;
    for (size_t cut = 0; cut <= stream.size(); cut++) {
      INFO((std::string(example.name) + ", cut at " + std::to_string(cut)));
      CHECK_EQ(transcript({stream.substr(0, cut), stream.substr(cut)}), example.expected);
    }
  }
}

TEST_CASE("a request that arrives byte by byte is the same request") {
  for (const Example& example : kExamples) {
    INFO(std::string(example.name));
    CHECK_EQ(transcript(byte_by_byte(example.stream)), example.expected);
  }
}

TEST_CASE("the application gets the field lines as they were sent") {
  const std::string fields = "Host: h\r\nX-Odd:  two  blanks\r\nx-odd: again\r\n";
  const std::string stream = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  for (size_t cut = 0; cut <= stream.size(); cut++) {
    INFO(("cut at " + std::to_string(cut)));
    Transcript read(HttpLimits{});
    CHECK(read.feed(stream.substr(0, cut)));
    CHECK(read.feed(stream.substr(cut)));
    CHECK_EQ(read.heads(), fields);
  }
}

TEST_CASE("the parser is idle between messages and at no other time") {
  const std::string message = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
  Transcript read(HttpLimits{});
  CHECK(read.idle());
  for (size_t i = 0; i < message.size(); i++) {
    CHECK(read.feed(std::string_view(message).substr(i, 1)));
    CHECK_EQ(read.idle(), i + 1 == message.size());
  }
  CHECK(read.feed("\r\n"));  // no part of a next request
  CHECK(read.idle());
  CHECK(read.feed("G"));
  CHECK(!read.idle());
}

TEST_CASE("bytes after a head stay with the caller until the next call") {
  const std::string stream = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET";
  Http1 http{HttpLimits{}};
  Request request;
  const Http1::Step step = http.next(stream.data(), stream.size(), request);
  CHECK(step.event == Http1::Event::head);
  CHECK_EQ(stream.substr(step.consumed), "abGET");
}

}  // namespace
}  // namespace sealgate
