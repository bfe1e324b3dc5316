// An answer for sealed content says exactly how long it is, what it is and which bytes of it follow.
#include "server/response.h"

#include <sys/stat.h>

#include <doctest/doctest.h>
#include "server/http1_response.h"
#include "store/staging_file.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::string_view kContent = "0123456789";

std::shared_ptr<const SealedFile> sealed(const std::string& path, const SealedFile::Record& record) {
  return SealedFile::seal(path, record, false).file;
}

// A plan for a file with these bytes, and the text of the answers to requests for it.
struct Delivery {
  explicit Delivery(std::string_view content = kContent) {
    write_file(path, content, 0444);
    HashedBlob hashed;
    if (!hash_sealable(path, SealLevel::l1, &hashed).ok()) std::abort();
    digest = hashed.digest;
    plan->file = sealed(path, {digest, hashed.size, hashed.seal.evidence});
    plan->plan.content_type = "text/plain";
    plan->plan.fields = {{"Cache-Control", "no-cache"}};
    plan->plan.last_modified = kModified;
    answering.server = "s";
    answering.tick(kModified + 60);
    request.method = Method::get;
    request.keep_alive = true;
  }

  std::string bytes_of(const Response& response) const {
    std::string bytes;
    append_head(bytes, response.head, {request.keep_alive, request.http10, 75'500});
    const size_t head = bytes.size();
    for (const BodySource& source : response.body) {
      const bool in_file = source.kind == BodySource::Kind::sealed_file;
      bytes += (in_file ? read_file(path) : response.memory).substr(source.offset, source.length);
    }
    CHECK_EQ(head + response.body_size(), bytes.size());
    return bytes;
  }
  std::string answer() {
    Response response;
    CHECK(build_delivery(request, content_of(*plan, answering.now), answering, response) == Problem::none);
    return bytes_of(response);
  }
  // What is kept for those who ask for all of the content.
  std::unique_ptr<Http1Answer> kept() {
    Response response;
    CHECK(read_body(*plan->file, response.memory) == ReadBody::done);
    CHECK(build_delivery(request, content_of(*plan, answering.now), answering, response) == Problem::none);
    response.body[0].kind = BodySource::Kind::memory;
    return keep_answer(response, answering);
  }
  Problem refusal() {
    Response response;
    return build_delivery(request, content_of(*plan, answering.now), answering, response);
  }
  void field(Field name, const char* value) { request.fields[static_cast<size_t>(name)] = value; }

  TempDir dir;
  std::string path = dir.at("blob"), digest;
  std::shared_ptr<OpenedPlan> plan = std::make_shared<OpenedPlan>();
  Answering answering;
  Request request;
};

// sha256sum, and `openssl dgst -binary -sha256 | base64`, of kContent and of nothing.
const std::string kEtag = "\"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"";
const std::string kReprDigest = "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:";
const std::string kEmptyEtag = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
const std::string kEmptyReprDigest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

// The fields that every answer about a representation has.
std::string common(const std::string& etag = kEtag, const std::string& repr_digest = kReprDigest) {
  return "Server: s\r\nDate: Sun, 06 Nov 1994 08:50:37 GMT\r\nETag: " + etag +
         "\r\nRepr-Digest: " + repr_digest +
         "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n"
         "Cache-Control: no-cache\r\n";
}

TEST_CASE("200 has the fields, the length and the bytes") {
  Delivery delivery;
  CHECK_EQ(delivery.answer(), "HTTP/1.1 200 OK\r\n" + common() +
                                  "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\n0123456789");
}

TEST_CASE("HEAD is answered as GET is, without the bytes") {
  Delivery delivery;
  const std::string full = delivery.answer();
  delivery.request.method = Method::head;
  CHECK_EQ(delivery.answer() + std::string(kContent), full);
}

TEST_CASE("an error page is sent whole, without validators, whatever the conditions and ranges say") {
  Delivery delivery;
  delivery.plan->plan.status = 404;
  const std::string head =
      "HTTP/1.1 404 Not Found\r\nServer: s\r\nDate: Sun, 06 Nov 1994 08:50:37 GMT\r\n"
      "Cache-Control: no-cache\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n";
  CHECK_EQ(delivery.answer(), head + std::string(kContent));
  delivery.field(Field::if_none_match, kEtag.c_str());
  delivery.field(Field::range, "bytes=1-2");
  CHECK_EQ(delivery.answer(), head + std::string(kContent));
  delivery.field(Field::if_match, "\"another\"");
  CHECK_EQ(delivery.answer(), head + std::string(kContent));
  delivery.request.method = Method::head;
  CHECK_EQ(delivery.answer(), head);
}

TEST_CASE("an empty file has length 0 and no piece of the file") {
  Delivery delivery("");
  CHECK_EQ(delivery.answer(), "HTTP/1.1 200 OK\r\n" + common(kEmptyEtag, kEmptyReprDigest) +
                                  "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("no Last-Modified, and no 304 by date, of a plan without a date or dated later than now") {
  Delivery delivery;
  for (const int64_t modified : {int64_t{0}, kModified + 61}) {
    delivery.plan->plan.last_modified = modified;
    delivery.field(Field::if_modified_since, "Sun, 06 Nov 2094 08:49:37 GMT");
    const std::string answer = delivery.answer();
    CHECK_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
    CHECK(answer.find("Last-Modified") == std::string::npos);
  }
}

TEST_CASE("a kept answer is not used while the clock says less than its Last-Modified") {
  Delivery delivery;
  const auto kept = delivery.kept();
  CHECK(kept->renew(delivery.plan->plan, delivery.answering));
  delivery.answering.tick(kModified - 1);
  CHECK(!kept->renew(delivery.plan->plan, delivery.answering));
  CHECK(delivery.answer().find("Last-Modified") == std::string::npos);
}

TEST_CASE("206 of one range has Content-Range and the bytes") {
  Delivery delivery;
  delivery.field(Field::range, "bytes=2-4");
  CHECK_EQ(delivery.answer(), "HTTP/1.1 206 Partial Content\r\n" + common() +
                                  "Content-Type: text/plain\r\nContent-Range: bytes 2-4/10\r\n"
                                  "Content-Length: 3\r\n\r\n234");
}

TEST_CASE("206 of several ranges is multipart/byteranges, as long as it says") {
  Delivery delivery;
  delivery.field(Field::range, "bytes=7-,0-1");
  const std::string boundary = delivery.digest.substr(0, 32);
  const std::string body =
      "--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789\r\n--" +
      boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--" + boundary +
      "--\r\n";
  CHECK_EQ(delivery.answer(), "HTTP/1.1 206 Partial Content\r\n" + common() +
                                  "Content-Type: multipart/byteranges; boundary=" + boundary +
                                  "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST_CASE("304 has the fields of the 200 and neither a length nor a type") {
  Delivery delivery;
  delivery.field(Field::if_none_match, kEtag.c_str());
  CHECK_EQ(delivery.answer(), "HTTP/1.1 304 Not Modified\r\n" + common() + "\r\n");
}

TEST_CASE("fields of the content go with 200 and 206, not with 304; a part of a multipart names its coding") {
  Delivery delivery;
  delivery.plan->plan.content_fields = {{"Content-Encoding", "gzip"}, {"Sealgate-Meta-a", "b"}};
  const std::string both = "Content-Encoding: gzip\r\nSealgate-Meta-a: b\r\n";
  CHECK_EQ(delivery.answer(), "HTTP/1.1 200 OK\r\n" + common() + "Content-Type: text/plain\r\n" + both +
                                  "Content-Length: 10\r\n\r\n0123456789");
  delivery.field(Field::range, "bytes=2-4");
  CHECK_EQ(delivery.answer(), "HTTP/1.1 206 Partial Content\r\n" + common() + "Content-Type: text/plain\r\n" +
                                  both + "Content-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\n234");
  delivery.field(Field::range, "bytes=0-0,2-2");
  const std::string answer = delivery.answer();
  const std::string head = answer.substr(0, answer.find("\r\n\r\n"));
  CHECK(head.find("Content-Encoding") == std::string::npos);
  CHECK(head.find("\r\nSealgate-Meta-a: b\r\n") != std::string::npos);
  CHECK(
      answer.find("Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Range: bytes 2-2/10\r\n") !=
      std::string::npos);
  delivery.field(Field::if_none_match, kEtag.c_str());
  CHECK_EQ(delivery.answer(), "HTTP/1.1 304 Not Modified\r\n" + common() + "\r\n");
}

TEST_CASE("an unsatisfiable range and a failed If-Match are refusals") {
  Delivery delivery;
  delivery.field(Field::range, "bytes=10-");
  CHECK_EQ(problem_name(delivery.refusal()), "range-unsatisfiable");
  delivery.field(Field::if_match, "\"other\"");
  CHECK_EQ(problem_name(delivery.refusal()), "precondition-failed");
}

TEST_CASE("the end of the connection is announced, and to HTTP/1.0 that it stays") {
  Delivery delivery;
  delivery.request.http10 = true;
  CHECK(delivery.answer().find("\r\nConnection: keep-alive\r\n") != std::string::npos);
  delivery.request.keep_alive = false;
  CHECK(delivery.answer().find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("a small answer has its length, except where there is no body at all") {
  Answering answering;
  answering.tick(kModified);
  const auto respond = [&](int status, bool head_only) {
    const ResponseFields fields = {{"X", "y"}};
    Response response;
    build_respond(status, fields, "body", head_only, answering, response);
    std::string text;
    append_head(text, response.head, {});
    return text.append(response.memory);
  };
  const std::string date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: y\r\n";
  CHECK_EQ(respond(200, false), "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\nbody");
  CHECK_EQ(respond(200, true), "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\n");
  CHECK_EQ(respond(204, false), "HTTP/1.1 204 No Content\r\n" + date + "\r\n");
}

TEST_CASE("HTTP/1.0 is told in whole seconds how long the connection stays, and nothing of less than one") {
  ResponseHead head;
  head.status = 404;
  std::string text;
  append_head(text, head, {true, true, 75'900});
  CHECK_EQ(text, "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n\r\n");
  text.clear();
  append_head(text, head, {true, true, 999});
  CHECK_EQ(text, "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("a head has the values that were put together in it, each as it was when it was added") {
  ResponseHead head;
  head.add_number("A", UINT64_MAX);
  const size_t from = head.written();
  head.write("x-");
  head.write(uint64_t{0});
  head.add("B", head.since(from));
  head.add_number("C", 7);
  REQUIRE(head.fields().size() == 3);
  CHECK_EQ(head.fields()[0].value, "18446744073709551615");
  CHECK_EQ(head.fields()[1].value, "x-0");
  CHECK_EQ(head.fields()[2].value, "7");
}

TEST_CASE("the longest values that a head can get find room in it") {
  Delivery delivery;
  const std::string etag = "\"" + delivery.digest + "\"";
  for (const char* range : {"bytes=18446744073709551600-18446744073709551613",
                            "bytes=0-0,18446744073709551613-18446744073709551613"}) {
    Response response;
    delivery.field(Field::range, range);
    const Content content{delivery.plan->plan, {etag, UINT64_MAX, kModified}};
    CHECK(build_delivery(delivery.request, content, delivery.answering, response) == Problem::none);
    CHECK_EQ(response.head.status, 206);
    CHECK(response.head.written() < ResponseHead::kValueBytes);
  }
}

TEST_CASE("the kept answer is the one that would be built, with the date of now") {
  Delivery delivery;
  const auto kept = delivery.kept();
  CHECK(kept->has_body);
  CHECK_EQ(kept->text, delivery.answer());
  delivery.answering.tick(kModified + 3600);
  CHECK(kept->renew(delivery.plan->plan, delivery.answering));
  CHECK_EQ(kept->text, delivery.answer());
}

TEST_CASE("of a body in the file the kept answer has the head") {
  Delivery delivery;
  Response response;
  REQUIRE(build_delivery(delivery.request, content_of(*delivery.plan, delivery.answering.now),
                         delivery.answering, response) == Problem::none);
  const auto kept = keep_answer(response, delivery.answering);
  CHECK(!kept->has_body);
  CHECK_EQ(kept->text + std::string(kContent), delivery.answer());
}

TEST_CASE("a request that wants anything but the whole gets no kept answer") {
  Delivery plain;
  CHECK(asks_for_all(plain.request));
  for (const Field field : {Field::range, Field::if_match, Field::if_none_match, Field::if_modified_since,
                            Field::if_unmodified_since}) {
    Delivery delivery;
    delivery.field(field, "");
    CHECK(!asks_for_all(delivery.request));
  }
  Delivery head, closing, old, with_body;
  head.request.method = Method::head;
  closing.request.keep_alive = false;
  old.request.http10 = true;
  with_body.request.has_body = true;
  for (Delivery* each : {&head, &closing, &old, &with_body}) CHECK(!asks_for_all(each->request));
}

TEST_CASE("bytes that are not what the digest says are told, and not handed out") {
  Delivery delivery;
  struct stat st {};
  write_file(delivery.path, "012345678X", 0444);
  REQUIRE(::stat(delivery.path.c_str(), &st) == 0);
  delivery.plan->file = sealed(delivery.path, {delivery.digest, kContent.size(), evidence_of(st)});
  REQUIRE(delivery.plan->file != nullptr);
  std::string bytes;
  CHECK(read_body(*delivery.plan->file, bytes) == ReadBody::broken);
  CHECK(bytes.empty());
}

}  // namespace
}  // namespace sealgate
