// Private keys are read from PEM files, and from nothing else.
#include "tls/private_key.h"

#include <openssl/pem.h>
#include <sys/stat.h>

#include <doctest/doctest.h>
#include "test/channel_server.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

std::string key_pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  const std::string passphrase = "secret";
  const auto* bytes = reinterpret_cast<const unsigned char*>(passphrase.data());
  return pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key, cipher, cipher ? bytes : nullptr, cipher ? 6 : 0, nullptr, nullptr);
  });
}

TEST_CASE("a key in PEM is read, also where other things stand in the file") {
  const TempDir dir;
  const SelfSigned made = self_signed(), other = self_signed();
  const std::string certificate = pem([&](BIO* bio) { PEM_write_bio_X509(bio, made.certificate.get()); });
  const std::string alone = key_pem(made.key.get());
  const std::string traditional = pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey_traditional(bio, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  for (const std::string& text : {alone, certificate + alone, alone + certificate, traditional}) {
    write_file(dir.at("key"), text);
    PrivateKey key;
    REQUIRE(read_private_key(dir.at("key"), &key).ok());
    REQUIRE(key != nullptr);
    CHECK(EVP_PKEY_eq(key.get(), made.key.get()) == 1);
    CHECK(is_key_of(key, certificate));
    CHECK_FALSE(is_key_of(key, pem([&](BIO* bio) { PEM_write_bio_X509(bio, other.certificate.get()); })));
    CHECK_FALSE(is_key_of(key, "no certificate"));
  }
}

TEST_CASE("a file without a key, and a key with a passphrase, give none") {
  const TempDir dir;
  const SelfSigned made = self_signed();
  const std::string certificate = pem([&](BIO* bio) { PEM_write_bio_X509(bio, made.certificate.get()); });
  const std::string whole = key_pem(made.key.get());
  for (const std::string& text : {std::string(), std::string("not PEM\n"), certificate, whole.substr(0, 60),
                                  key_pem(made.key.get(), EVP_aes_128_cbc())}) {
    write_file(dir.at("key"), text);
    PrivateKey key;
    CHECK(read_private_key(dir.at("key"), &key).ok());
    CHECK(key == nullptr);
  }
}

TEST_CASE("what is no ordinary file, or larger than a key can be, is not read") {
  const TempDir dir;
  PrivateKey key;
  CHECK_EQ(read_private_key(dir.at("none"), &key).error, ENOENT);
  CHECK_EQ(read_private_key(dir.at(""), &key).error, EISDIR);
  REQUIRE(::mkfifo(dir.at("fifo").c_str(), 0600) == 0);
  CHECK_EQ(read_private_key(dir.at("fifo"), &key).error, EINVAL);
  CHECK_EQ(read_private_key("/dev/zero", &key).error, EINVAL);
  write_file(dir.at("large"), std::string(300'000, '\n') + key_pem(self_signed().key.get()));
  CHECK_EQ(read_private_key(dir.at("large"), &key).error, EFBIG);
  CHECK(key == nullptr);
}

}  // namespace
}  // namespace sealgate
