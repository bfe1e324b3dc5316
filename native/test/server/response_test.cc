// An answer for sealed content says exactly how long it is, what it is and which bytes of it follow.
#include "server/response.h"

#include <sys/stat.h>

#include <doctest/doctest.h>
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
    answering.server = "Server: s\r\n";
    answering.tick(kModified + 60);
    request.method = Method::get;
    request.keep_alive = true;
  }

  std::string bytes_of(const Response& response) const {
    std::string bytes;
    for (const Piece& piece : response.pieces) {
      const std::string from = piece.of == Piece::Of::file ? read_file(path) : response.text;
      bytes += from.substr(piece.offset, piece.length);
    }
    CHECK_EQ(response.size(), bytes.size());
    return bytes;
  }
  std::string answer() {
    Response response;
    response.keep_alive = request.keep_alive;
    CHECK(build_delivery(request, content_of(*plan, answering.now), answering, response) == Problem::none);
    return bytes_of(response);
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

TEST_CASE("a prebuilt answer is not used while the clock says less than its Last-Modified") {
  Delivery delivery;
  bool built = false, broken = false;
  CHECK(whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken) != nullptr);
  delivery.answering.tick(kModified - 1);
  CHECK(whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken) == nullptr);
  CHECK(delivery.answer().find("Last-Modified") == std::string::npos);
}

TEST_CASE("206 of one range says which") {
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

TEST_CASE("what cannot be answered is left to a refusal") {
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
    Response response;
    Request request;
    if (head_only) request.method = Method::head;
    build_respond(status, {{"X", "y"}}, "body", &request, answering, response);
    return response.text;
  };
  const std::string date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: y\r\n";
  CHECK_EQ(respond(200, false), "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\nbody");
  CHECK_EQ(respond(200, true), "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\n");
  CHECK_EQ(respond(204, false), "HTTP/1.1 204 No Content\r\n" + date + "\r\n");
}

TEST_CASE("to HTTP/1.0 a small answer says that the connection stays, too") {
  Answering answering;
  answering.tick(kModified);
  Request request;
  request.http10 = true;
  Response response;
  build_respond(404, {}, "body", &request, answering, response);
  CHECK(response.text.find("\r\nConnection: keep-alive\r\n") != std::string::npos);
}

TEST_CASE("the prebuilt answer is the one that would be built, with the date of now") {
  Delivery delivery;
  bool built = false, broken = false;
  const WholeResponse* whole =
      whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken);
  REQUIRE(whole != nullptr);
  CHECK(built);
  CHECK_EQ(whole->bytes, delivery.answer());
  delivery.answering.tick(kModified + 3600);
  built = false;
  CHECK(whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken) == whole);
  CHECK(!built);
  CHECK_EQ(whole->bytes, delivery.answer());
}

TEST_CASE("a request that wants anything but the whole gets no prebuilt answer") {
  const auto prebuilt = [](Delivery& delivery) {
    bool built = false, broken = false;
    return whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken) != nullptr;
  };
  for (const Field field : {Field::range, Field::if_match, Field::if_none_match, Field::if_modified_since,
                            Field::if_unmodified_since}) {
    Delivery delivery;
    delivery.field(field, "");
    CHECK(!prebuilt(delivery));
  }
  Delivery head, closing, old, with_body, large;
  head.request.method = Method::head;
  closing.request.keep_alive = false;
  old.request.http10 = true;
  with_body.request.has_body = true;
  large.answering.small_body = kContent.size() - 1;
  for (Delivery* each : {&head, &closing, &old, &with_body, &large}) CHECK(!prebuilt(*each));
}

TEST_CASE("bytes that are not what the digest says are never prebuilt") {
  Delivery delivery;
  struct stat st {};
  write_file(delivery.path, "012345678X", 0444);
  REQUIRE(::stat(delivery.path.c_str(), &st) == 0);
  delivery.plan->file = sealed(delivery.path, {delivery.digest, kContent.size(), evidence_of(st)});
  REQUIRE(delivery.plan->file != nullptr);
  bool built = false, broken = false;
  CHECK(whole_response(delivery.request, *delivery.plan, delivery.answering, &built, &broken) == nullptr);
  CHECK(broken);
}

}  // namespace
}  // namespace sealgate
