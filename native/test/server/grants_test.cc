// Grants: credentials give what the table says, and the table counts for as long as it was said to.
#include "server/grants.h"

#include <doctest/doctest.h>

#include "server/credentials.h"

namespace sealgate {
namespace {

constexpr int64_t kNow = 1'000'000;

std::shared_ptr<GrantTable> table() {
  auto out = std::make_shared<GrantTable>();
  out->add_token(sha256("reader"), {{false, {"read:files", "read:live"}}, INT64_MAX});
  out->add_token(sha256("all"), {{true, {"read:*"}}, INT64_MAX});
  out->add_token(sha256("brief"), {{true, {}}, kNow + 1});
  out->add_token(sha256("writer"), {{false, {}}, INT64_MAX});
  out->add_subject("CN=build", {false, {"read:builds"}});
  return out;
}

Held held(const GrantTable& grants, const char* authorization, int64_t now = kNow,
          const std::string& subject = "") {
  return Credentials().held(grants, authorization, subject, now);
}

TEST_CASE("a token gives its grants, and no others") {
  const auto grants = table();
  const Held reader = held(*grants, "Bearer reader");
  CHECK(reader.any());
  CHECK(reader.has(""));
  CHECK(reader.has("read:files"));
  CHECK(reader.has("read:live"));
  CHECK(!reader.has("read:builds"));
  CHECK(!reader.has("read:file"));
  CHECK(!reader.has("read:*"));
  const Held all = held(*grants, "Bearer all");
  for (const char* grant : {"", "read:files", "read:whatever", "read:*"}) CHECK(all.has(grant));
  CHECK(!held(*grants, "Bearer writer").any());
}

TEST_CASE("without known credentials a request has only the open grant") {
  const auto grants = table();
  for (const char* authorization :
       {"", "Bearer", "Bearer ", "Bearer stranger", "Bearer READER", "Bearer reader ",
        "Bearer reader=", "Basic reader", "reader", "Bearer reader, Bearer all"}) {
    CAPTURE(authorization);
    const Held none = held(*grants, authorization);
    CHECK(!none.any());
    CHECK(none.has(""));
    CHECK(!none.has("read:files"));
  }
}

TEST_CASE("a token that has expired gives nothing, and one that was remembered is looked at again") {
  const auto grants = table();
  Credentials credentials;
  CHECK(credentials.held(*grants, "Bearer brief", "", kNow).any());
  CHECK(credentials.held(*grants, "Bearer brief", "", kNow).any());
  CHECK(!credentials.held(*grants, "Bearer brief", "", kNow + 1).any());
}

TEST_CASE("a certificate gives its grants beside those of a token") {
  const auto grants = table();
  const Held both = held(*grants, "Bearer reader", kNow, "CN=build");
  CHECK(both.has("read:builds"));
  CHECK(both.has("read:files"));
  CHECK(held(*grants, "Bearer stranger", kNow, "CN=build").has("read:builds"));
  CHECK(!held(*grants, "", kNow, "CN=other").any());
  const auto nameless = std::make_shared<GrantTable>();
  nameless->add_subject("", {true, {}});
  CHECK(!held(*nameless, "").any());
}

TEST_CASE("a token that a connection has shown is not taken for its next one, nor for one of another table") {
  const auto first = table(), second = std::make_shared<GrantTable>();
  Credentials credentials;
  const std::string long_field = "Bearer " + std::string(400, ' ') + "reader";
  for (int i = 0; i < 2; i++) {
    CHECK(credentials.held(*first, "Bearer reader", "", kNow).has("read:files"));
    CHECK(!credentials.held(*first, "Bearer stranger", "", kNow).any());
    CHECK(!credentials.held(*first, "Bearer reader2", "", kNow).any());
    CHECK(!credentials.held(*first, "", "", kNow).any());
    CHECK(credentials.held(*first, "Bearer all", "", kNow).has("read:*"));
    CHECK(credentials.held(*first, "bearer  reader", "", kNow).has("read:files"));
    CHECK(credentials.held(*first, long_field, "", kNow).has("read:files"));
    CHECK(!credentials.held(*second, "Bearer reader", "", kNow).any());
    CHECK(!credentials.held(*second, long_field, "", kNow).any());
  }
}

TEST_CASE("of two entries with one name the later one counts") {
  GrantTable grants;
  grants.add_token(sha256("t"), {{true, {}}, INT64_MAX});
  grants.add_token(sha256("t"), {{false, {"read:a"}}, INT64_MAX});
  CHECK(!held(grants, "Bearer t").has("read:b"));
}

TEST_CASE("a table counts until the time that was said, and another one from when it is given") {
  GrantsInForce in_force;
  GrantsInForce::Reader reader(in_force);
  CHECK(reader.table(0) == nullptr);
  const auto first = table(), second = table();
  in_force.replace(first, 100);
  CHECK(reader.table(99) == first.get());
  CHECK(reader.table(100) == nullptr);
  in_force.extend(200);
  CHECK(reader.table(150) == first.get());
  in_force.replace(second, 200);
  CHECK(reader.table(150) == second.get());
  CHECK(first.use_count() == 1);
  GrantsInForce::Reader late(in_force);
  CHECK(late.table(150) == second.get());
}

TEST_CASE("a bearer token is read as RFC 6750 writes it") {
  const struct {
    const char *authorization, *token;
  } cases[] = {
      {"Bearer abc", "abc"},
      {"bEARER abc", "abc"},
      {"Bearer   abc", "abc"},
      {"Bearer a.b~c+d/e_f-9==", "a.b~c+d/e_f-9=="},
      {"Bearer", ""},
      {"Bearer ", ""},
      {"Bearerabc", ""},
      {"Bearer\tabc", ""},
      {"Bearer a b", ""},
      {"Bearer a=b", ""},
      {"Bearer =", ""},
      {"Bearer \"a\"", ""},
      {"Bearer a,b", ""},
      {"Bearer \xe9", ""},
      {"", ""},
      {"B", ""},
      {" Bearer abc", ""},
  };
  for (const auto& [authorization, token] : cases) {
    CAPTURE(authorization);
    CHECK_EQ(shown_token(authorization), token);
  }
}

TEST_CASE("the password of basic authentication is a token, whoever the user") {
  const struct {
    const char *authorization, *token;
  } cases[] = {
      {"Basic dXNlcjphYmM=", "abc"},  // user:abc
      {"bASIC   dXNlcjphYmM=", "abc"},
      {"Basic OmFiYw==", "abc"},            // :abc
      {"Basic dXNlcjphLmJ+Yw==", "a.b~c"},  // user:a.b~c
      {"Basic w6Q6YWJj", "abc"},            // ä:abc
      {"Basic dXNlcjphYmM", ""},            // without its padding
      {"Basic dXNlcjphYmM= ", ""},
      {"Basic  \tdXNlcjphYmM=", ""},
      {"Basic dXNlcjph YmM=", ""},
      {"Basic dXNlcjphYm-=", ""},  // the alphabet of URLs
      {"Basic dXNlcg==", ""},      // user
      {"Basic dXNlcjo=", ""},      // user:
      {"Basic dXNlcjphOmI=", ""},  // user:a:b
      {"Basic dXNlcjphAGI=", ""},  // a NUL in it
      {"Basic ====", ""},
      {"Basic A===", ""},
      {"Basic", ""},
      {"Basic ", ""},
      {"Basicd dXNlcjphYmM=", ""},
  };
  for (const auto& [authorization, token] : cases) {
    CAPTURE(authorization);
    CHECK_EQ(shown_token(authorization), token);
  }
  CHECK_EQ(shown_token("Basic " + std::string(kMaxBasicBytes, 'Y')), "");
}

TEST_CASE("a digest is 64 hex digits, and that of a text is its SHA-256") {
  Sha256 read;
  CHECK(read_sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", &read));
  CHECK(read == sha256("abc"));
  for (const char* bad : {"", "ba", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
                          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag",
                          "-a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"})
    CHECK(!read_sha256(bad, &read));
}

}  // namespace
}  // namespace sealgate
