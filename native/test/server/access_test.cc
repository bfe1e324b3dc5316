// Whom a mount serves by address and by signature, and the keys that sign.
#include "server/access.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "server/credentials.h"
#include "server/url_signature.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

std::vector<AddressPrefix> networks(const std::vector<std::string>& texts) {
  std::vector<AddressPrefix> out;
  for (const std::string& each : texts) {
    AddressPrefix network;
    CHECK(AddressPrefix::parse_peers(each, &network));
    out.push_back(network);
  }
  return out;
}

// --- addresses

bool admits(const std::vector<std::string>& allow, const std::vector<std::string>& deny,
            std::string_view peer) {
  return Access(networks(allow), networks(deny), nullptr).admits(peer);
}

TEST_CASE("denied networks come first; where some are allowed, all others are denied") {
  CHECK(admits({}, {}, "192.0.2.1"));
  CHECK(admits({}, {"198.51.100.0/24"}, "192.0.2.1"));
  CHECK(!admits({}, {"192.0.2.0/24"}, "192.0.2.1"));
  CHECK(admits({"192.0.2.0/24"}, {}, "192.0.2.1"));
  CHECK(!admits({"192.0.2.0/24"}, {}, "192.0.3.1"));
  CHECK(admits({"192.0.2.0/24"}, {"192.0.2.1"}, "192.0.2.2"));
  CHECK(!admits({"192.0.2.0/24"}, {"192.0.2.1"}, "192.0.2.1"));
  CHECK(!admits({"192.0.2.1"}, {"192.0.2.0/24"}, "192.0.2.1"));
  CHECK(!admits({}, {"0.0.0.0/0"}, "192.0.2.1"));
}

TEST_CASE("an IPv4 address is the same written as one of IPv6, and no network of IPv6 holds it") {
  CHECK(!admits({}, {"192.0.2.0/24"}, "::ffff:192.0.2.1"));
  CHECK(!admits({}, {"::ffff:192.0.2.0/120"}, "192.0.2.1"));
  CHECK(admits({}, {"::/0"}, "192.0.2.1"));
  CHECK(!admits({"::/0"}, {}, "::ffff:192.0.2.1"));
  CHECK(!admits({"0.0.0.0/0"}, {}, "2001:db8::1"));
  CHECK(!admits({}, {"2001:db8::/32"}, "2001:db8:1::1"));
  CHECK(admits({}, {"2001:db8::/33"}, "2001:db8:8000::1"));
}

TEST_CASE("who connects to a unix socket is in no network, and is allowed and denied by a word of its own") {
  CHECK(admits({}, {"0.0.0.0/0", "::/0"}, kUnixPeer));
  CHECK(!admits({"0.0.0.0/0", "::/0"}, {}, kUnixPeer));
  CHECK(admits({"192.0.2.1", "unix:"}, {}, kUnixPeer));
  CHECK(!admits({}, {"unix:"}, kUnixPeer));
  CHECK(admits({}, {"unix:"}, "192.0.2.1"));
  CHECK(!admits({"unix:"}, {}, "192.0.2.1"));
  CHECK(!admits({"unix:"}, {}, "::"));
}

TEST_CASE("what is no address is denied") { CHECK(!admits({}, {"192.0.2.0/24"}, "nobody")); }

TEST_CASE("the verdict on an address is remembered for its rule alone") {
  const Access denies({}, networks({"192.0.2.1"}), nullptr), admits({}, networks({"192.0.2.2"}), nullptr);
  Credentials credentials;
  const Credentials::Visit visit{"/", 1, Method::put, "192.0.2.1", false, 0};
  for (int i = 0; i < 2; i++) {
    CHECK(credentials.judge(denies, nullptr, visit) == Admission::address_denied);
    CHECK(credentials.judge(admits, nullptr, visit) == Admission::open);
  }
}

// --- signatures

const std::string kLine = "0123456789abcdef0123456789abcdef";

struct Site {
  explicit Site(bool required = true, std::string name = "h/") {
    auto signing = std::make_unique<Signing>();
    signing->site = std::move(name);
    signing->required = required;
    signing->keys = {{"k", "file"}, {"old", "old file"}};
    access = std::make_unique<Access>(std::vector<AddressPrefix>(), std::vector<AddressPrefix>(),
                                      std::move(signing));
    keys.add_key("file", SigningKey::of(kLine));
  }
  std::unique_ptr<Access> access;
  GrantTable keys;
};

std::string signed_target(const std::string& path, const std::string& more = "",
                          const std::string& line = kLine, const std::string& site = "h/") {
  const std::string zeros(64, '0');
  const std::string target = path + "?sg-expires=100&sg-key=k" + more + "&sg-signature=";
  const std::string whole = target + zeros;
  UrlSignature said;
  CHECK(read_url_signature(whole, 1, &said) == Reading::whole);
  const SignatureText made = SigningKey::of(line)->sign(said.text(site));
  return target + std::string(made.data(), made.size());
}

Admission judged(const Site& site, const std::string& target, Method method = Method::get, int64_t now = 99,
                 std::string_view peer = "192.0.2.1") {
  Credentials credentials;
  return credentials.judge(*site.access, &site.keys, {target, 1, method, peer, false, now});
}

TEST_CASE("a signature that is right opens until its end") {
  const Site site;
  const std::string target = signed_target("/a");
  CHECK(judged(site, target) == Admission::is_signed);
  CHECK(judged(site, target, Method::head) == Admission::is_signed);
  CHECK(judged(site, target, Method::get, 100) == Admission::signature_expired);
  CHECK(judged(site, "/a") == Admission::signature_missing);
  CHECK(judged(Site(false), "/a") == Admission::open);
}

TEST_CASE("a signature is for what it says and for nothing else") {
  const Site site;
  const auto refused = [&](const std::string& target, Method method = Method::get) {
    return judged(site, target, method) == Admission::signature_invalid;
  };
  const std::string right = signed_target("/a");
  const std::string parameters = right.substr(2);
  CHECK(refused("/b" + parameters));
  CHECK(refused("/a/" + parameters));
  CHECK(refused("/%61" + parameters));
  CHECK(refused("/a" + parameters + "&sg-prefix=2"));
  CHECK(refused(signed_target("/a", "", kLine, "other/")));
  CHECK(refused(signed_target("/a", "", std::string(32, 'x'))));
  CHECK(refused(signed_target("/a", "&sg-network=198.51.100.0_24")));
  CHECK(refused(signed_target("/a", "&sg-network=nothing")));
  CHECK(!refused(signed_target("/a", "&sg-network=192.0.2.0_24")));
  CHECK(refused(signed_target("/a", "&sg-method=HEAD")));
  CHECK(!refused(signed_target("/a", "&sg-method=HEAD"), Method::head));
  std::string later = right;
  later.replace(later.find("=100"), 4, "=999");
  CHECK(refused(later));
}

TEST_CASE("only reads are judged by signature") {
  CHECK(judged(Site(), "/a", Method::put) == Admission::open);
}

TEST_CASE("a prefix covers what begins so, and a folder not what lies beside it") {
  const Site site;
  const auto with = [&](const std::string& path, const std::string& from, size_t bytes) {
    const std::string target = signed_target(from, "&sg-prefix=" + std::to_string(bytes));
    return judged(site, path + target.substr(target.find('?')));
  };
  CHECK(with("/hls/a/1.ts", "/hls/a/x", 7) == Admission::is_signed);
  CHECK(with("/hls/ab/1.ts", "/hls/a/x", 7) == Admission::signature_invalid);
  CHECK(with("/hls/ab", "/hls/a/x", 6) == Admission::is_signed);
  CHECK(with("/hls/a/../b", "/hls/a/x", 7) == Admission::signature_invalid);
  CHECK(with("/hls/a/%2e%2e/b", "/hls/a/x", 7) == Admission::signature_invalid);
}

TEST_CASE("a key that is gone, or was never there, signs nothing") {
  Site site;
  const std::string target = signed_target("/a");
  std::string other = target;
  other.replace(other.find("sg-key=k"), 8, "sg-key=z");
  CHECK(judged(site, other) == Admission::signature_invalid);
  site.keys.add_key("file", nullptr);
  CHECK(judged(site, target) == Admission::signature_invalid);
  Credentials credentials;
  CHECK(credentials.judge(*site.access, nullptr, {target, 1, Method::get, "192.0.2.1", false, 0}) ==
        Admission::signature_invalid);
}

TEST_CASE("a signature that was right is remembered, and a wrong one is wrong all the same") {
  const Site site;
  Credentials credentials;
  const std::string right = signed_target("/a/b", "&sg-prefix=3");
  const auto judge = [&](const std::string& target) {
    return credentials.judge(*site.access, &site.keys, {target, 1, Method::get, "192.0.2.1", false, 0});
  };
  CHECK(judge(right) == Admission::is_signed);
  CHECK(judge(right) == Admission::is_signed);
  CHECK(judge("/a/c" + right.substr(4)) == Admission::is_signed);
  std::string wrong = right;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  CHECK(judge(wrong) == Admission::signature_invalid);
  CHECK(judge(right) == Admission::is_signed);
  // Another table may have another key under the name.
  Site changed;
  changed.keys.add_key("file", SigningKey::of(std::string(32, 'x')));
  CHECK(credentials.judge(*site.access, &changed.keys, {right, 1, Method::get, "192.0.2.1", false, 0}) ==
        Admission::signature_invalid);
}

// --- keys

TEST_CASE("a key signs as HMAC-SHA256 of other tools does") {
  const SignatureText made = SigningKey::of(kLine)->sign("text");
  CHECK_EQ(std::string(made.data(), made.size()),
           "84919e7e08fb5a126d5f7263c112392d79bc659bf88c0e56376738ef436ea165");
}

TEST_CASE("a file holds one line of 32 to 1024 printable characters") {
  TempDir dir;
  const auto holds_key = [&](const std::string& content) {
    write_file(dir.at("key"), content, 0600);
    std::shared_ptr<const SigningKey> key;
    CHECK(SigningKey::read(dir.at("key"), &key).ok());
    if (!key) return false;
    return key->sign("text") == SigningKey::of(kLine)->sign("text") || content.size() > 40;
  };
  CHECK(holds_key(kLine));
  CHECK(holds_key(kLine + "\n"));
  CHECK(holds_key(kLine + "\r\n"));
  CHECK(holds_key(std::string(1024, 'x') + "\r\n"));
  for (const std::string& content :
       {std::string(), kLine.substr(1), kLine + " ", kLine + "\n\n", kLine + "\n" + kLine, "\n" + kLine,
        kLine + "\xc3\xa4", kLine + std::string(1, '\0'), std::string(1025, 'x')})
    CHECK(!holds_key(content));
  std::shared_ptr<const SigningKey> key;
  CHECK_EQ(SigningKey::read(dir.at("none"), &key).error, ENOENT);
  CHECK_EQ(SigningKey::read(dir.at(""), &key).error, EISDIR);
  write_file(dir.at("long"), std::string(1027, 'x'), 0600);
  CHECK_EQ(SigningKey::read(dir.at("long"), &key).error, EFBIG);
}

}  // namespace
}  // namespace sealgate
