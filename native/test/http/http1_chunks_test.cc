// Http1 takes chunked bodies in the one form that RFC 9112 7.1 gives them. Requests are smuggled through each
// other one ("funky chunks"): what one reader takes for the end of a line, another takes for data.
#include <string>

#include <doctest/doctest.h>
#include "http/http1.h"
#include "test/transcript.h"

namespace sealgate {
namespace {

using std::string_literals::operator""s;

std::string chunks(const std::string& body) {
  return "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}
std::string with_extension(const std::string& extension) {
  return chunks("5" + extension + "\r\nhello\r\n0\r\n\r\n");
}
std::string with_trailers(const std::string& lines) { return chunks("5\r\nhello\r\n0\r\n" + lines + "\r\n"); }

std::string last_line(const std::string& text) {
  return text.substr(text.rfind('\n', text.size() - 2) + 1);  // npos + 1 is 0
}

// However the bytes are cut. Behind each body a request waits to be smuggled.
void ends(const char* name, const std::string& body, const std::string& expected) {
  INFO(std::string(name));
  const std::string stream = body + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string_view bytes = stream;
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    INFO(("cut at " + std::to_string(cut)));
    CHECK_EQ(last_line(transcript({bytes.substr(0, cut), bytes.substr(cut)})), expected);
  }
  INFO(std::string("byte by byte"));
  CHECK_EQ(last_line(transcript(byte_by_byte(stream))), expected);
}
void refused(const char* name, const std::string& body) { ends(name, body, "failed chunk-malformed\n"); }
void read(const char* name, const std::string& body) { ends(name, body, "end\n"); }

TEST_CASE("a chunk size is hexadecimal digits and nothing else") {
  refused("a size that is none", chunks("x\r\n\r\n"));
  refused("no size", chunks("\r\nhello\r\n"));
  refused("an extension without a size", chunks(";a\r\nhello\r\n0\r\n\r\n"));
  refused("a negative size", chunks("-1\r\nx\r\n"));
  refused("a size with a sign", chunks("+5\r\nhello\r\n0\r\n\r\n"));
  refused("a size with 0x", chunks("0x5\r\nhello\r\n"));
  refused("a size with an underscore", chunks("0_5\r\nhello\r\n0\r\n\r\n"));
  refused("a size with a point", with_extension(".0"));
  refused("a size beyond 64 bits", chunks("10000000000000000\r\n"));
  refused("a size of far more than 64 bits", chunks(std::string(40, 'f') + "\r\n"));
  refused("a blank before the size", chunks(" 5\r\nhello\r\n0\r\n\r\n"));
  refused("a tab before the size", chunks("\t5\r\nhello\r\n0\r\n\r\n"));
  refused("a blank after the size", with_extension(" "));
  refused("a tab after the size", with_extension("\t"));
  refused("a byte beyond ASCII after the size", with_extension("\xa0"));
  refused("LF before the size", chunks("\n5\r\nhello\r\n0\r\n\r\n"));
  refused("a last chunk with 0x", chunks("5\r\nhello\r\n0x0\r\n\r\n"));
  refused("a last chunk with a sign", chunks("5\r\nhello\r\n-0\r\n\r\n"));
  read("zeros in front", chunks("0005\r\nhello\r\n000\r\n\r\n"));
  read("capital and small digits", chunks("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"));
}

TEST_CASE("a chunk line ends with CRLF") {
  refused("LF", chunks("5\nhello\r\n0\r\n\r\n"));
  refused("CR", chunks("5\rhello\r\n0\r\n\r\n"));
  refused("CR and another byte", chunks("5\rXhello\r\n0\r\n\r\n"));
  refused("CR CR LF", chunks("5\r\r\nhello\r\n0\r\n\r\n"));
  refused("LF CR", chunks("5\n\rhello\r\n0\r\n\r\n"));
  refused("LF of the last chunk", chunks("5\r\nhello\r\n0\n\r\n"));
  refused("CR and another byte of the last chunk", chunks("5\r\nhello\r\n0\rX\r\n"));
  refused("LF after an extension", with_extension(";a\nhello"));
  refused("CR and another byte after an extension", with_extension(";a\rX"));
}

TEST_CASE("the data of a chunk is followed by CRLF") {
  refused("nothing", chunks("5\r\nhello0\r\n\r\n"));
  refused("two other bytes", chunks("5\r\nhelloXX0\r\n\r\n"));
  refused("CR and another byte", chunks("5\r\nhello\rX0\r\n\r\n"));
  refused("another byte and LF", chunks("5\r\nhelloX\n0\r\n\r\n"));
  refused("LF", chunks("5\r\nhello\n0\r\n\r\n"));
  refused("LF LF", chunks("5\r\nhello\n\n0\r\n\r\n"));
  refused("LF CR", chunks("5\r\nhello\n\r0\r\n\r\n"));
  refused("CRLF CRLF", chunks("5\r\nhello\r\n\r\n0\r\n\r\n"));
  refused("more data", chunks("4\r\nhello\r\n0\r\n\r\n"));
}

TEST_CASE("a chunked body ends with an empty line") {
  refused("LF", chunks("5\r\nhello\r\n0\r\n\n"));
  refused("CR and another byte", chunks("5\r\nhello\r\n0\r\n\rX"));
  refused("CR and another byte after trailers", with_trailers("X: a\r\n\rX"));
  refused("LF after trailers", chunks("0\r\nX: a\r\n\n"));
}

TEST_CASE("chunk extensions are names with or without a value") {
  refused("none after the semicolon", with_extension(";"));
  refused("an empty one between others", with_extension(";;a"));
  refused("no name", with_extension(";=b"));
  refused("no value after the equals sign", with_extension(";a="));
  refused("a comma for the semicolon", with_extension(",a"));
  refused("a name that is no token", with_extension(";a@b"));
  refused("a value that is no token", with_extension(";a=b,c"));
  refused("a blank before the semicolon", with_extension(" ;a"));
  refused("a blank after the semicolon", with_extension("; a"));
  refused("blanks around the equals sign", with_extension(";a = b"));
  refused("a blank at the end", with_extension(";a "));
  refused("NUL", with_extension(";a\0"s));
  refused("a control character", with_extension(";a=\x01"));
  refused("DEL", with_extension(";a=\x7f"));
  refused("a byte beyond ASCII", with_extension(";a=\x80"));
  refused("a quoted value that is not closed", with_extension(";a=\"b"));
  refused("CRLF in a quoted value", with_extension(";a=\"\r\n\""));
  refused("CR in a quoted value", with_extension(";a=\"b\rc\""));
  refused("LF in a quoted value", with_extension(";a=\"b\nc\""));
  refused("bytes after a quoted value", with_extension(";a=\"b\"c"));
  refused("a quoted name", with_extension(";\"a\""));
  refused("a backslash at the end of a quoted value", with_extension(";a=\"b\\\""));
  refused("NUL after a backslash", with_extension(";a=\"\\\0\""s));
  refused("DEL after a backslash", with_extension(";a=\"\\\x7f\""));
  refused("CRLF after a backslash", with_extension(";a=\"\\\r\n\""));
  refused("a backslash outside of quotes", with_extension(";a=\\b"));
  refused("CR and a further extension", with_extension(";a\r;b"));
  refused("CR and an extension", with_extension("\r;a"));
  refused("an extension after the end of a chunk", chunks("5\r\nhello;a\r\n0\r\n\r\n"));
  refused("an extension for a size", chunks("5\r\nhello\r\n;a\r\n0\r\n\r\n"));
  refused("a wrong extension of the last chunk", chunks("5\r\nhello\r\n0;a b\r\n\r\n"));
  read("a name", with_extension(";a"));
  read("a value", with_extension(";a=b"));
  read("a name after a value", with_extension(";a=b;c"));
  read("a name after a quoted value", with_extension(";a=\"b\";c"));
  read("an empty quoted value", with_extension(";a=\"\""));
  read("a quoted value with a quote in it", with_extension(";a=\"b\\\"c\""));
  read("a quoted value with a backslash in it", with_extension(";a=\"b\\\\\";c"));
  read("a quoted value with a quote and a semicolon in it", with_extension(";a=\"b\\\";c\";d"));
  read("a quoted value with a byte beyond ASCII", with_extension(";a=\"\\\x80\""));
  read("one for each chunk", chunks("5;a\r\nhello\r\n1;b=c\r\n;\r\n0;d=\"e\"\r\n\r\n"));
  read("names and a quoted value", with_extension(";a;b=\"c;d e\";f"));
}

TEST_CASE("an extension that does not end is refused once it is longer than a head may be") {
  const std::string longest(HttpLimits{}.head_bytes - 3, 'b'), head = chunks("5");
  const std::string longest_taken = ";a=" + longest.substr(1);
  CHECK(last_line(transcript({head, longest_taken})) == "  host=h\n");
  for (const std::string& extension : {";a=" + longest, ";a=\"" + longest}) {
    CHECK_EQ(last_line(transcript({head + extension})), "failed chunk-malformed\n");
    CHECK_EQ(last_line(transcript(byte_by_byte(head + extension))), "failed chunk-malformed\n");
  }
}

TEST_CASE("trailers are field lines as in a head") {
  refused("LF after one", with_trailers("X: a\n"));
  refused("CR in a value", with_trailers("X: a\rb\r\n"));
  refused("CR CR LF", with_trailers("X: a\r\r\n"));
  refused("a folded line", with_trailers("X: a\r\n b\r\n"));
  refused("a folded line that is empty", with_trailers("X: a\r\n \r\n"));
  refused("a folded line with a tab", with_trailers("X: a\r\n\tb\r\n"));
  refused("a blank before the first", with_trailers(" X: a\r\n"));
  refused("a blank before the colon", with_trailers("X : a\r\n"));
  refused("no colon", with_trailers("X\r\n"));
  refused("no name", with_trailers(": a\r\n"));
  refused("a name that is no token", with_trailers("X(y): a\r\n"));
  refused("NUL", with_trailers("X: a\0b\r\n"s));
  refused("a control character", with_trailers("X: \x01\r\n"));
  ends("a length that is none", with_trailers("Content-Length: x\r\n"), "failed framing-ambiguous\n");
  ends("a coding", with_trailers("Transfer-Encoding: gzip\r\n"), "failed framing-ambiguous\n");
  read("bytes beyond ASCII in a value", with_trailers("X: \x80\r\n"));
  read("an offer to upgrade", with_trailers("Connection: upgrade\r\nUpgrade: x\r\n"));
}

}  // namespace
}  // namespace sealgate
