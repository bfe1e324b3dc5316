#include "store/further_digests.h"

#include "base/crc.h"
#include "base/hex.h"

namespace sealgate {
namespace {

constexpr std::string_view kNames[] = {"md5", "sha1", "sha512", "crc32", "crc32c", "crc64nvme"};

// Null: it is a CRC.
const EVP_MD* hash_of(DigestName name) {
  switch (name) {
    case DigestName::md5: return EVP_md5();
    case DigestName::sha1: return EVP_sha1();
    case DigestName::sha512: return EVP_sha512();
    default: return nullptr;
  }
}

uint64_t crc_of(DigestName name, uint64_t before, const void* data, size_t size) {
  if (name == DigestName::crc32) return crc32(static_cast<uint32_t>(before), data, size);
  if (name == DigestName::crc32c) return crc32c(static_cast<uint32_t>(before), data, size);
  return crc64nvme(before, data, size);
}

std::string crc_text(DigestName name, uint64_t crc) {
  const size_t size = name == DigestName::crc64nvme ? 8 : 4;
  unsigned char bytes[8];
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<unsigned char>(crc >> 8 * (size - 1 - i));
  return hex(bytes, size);
}

constexpr Status kFailed{EIO, "further digests"};

}  // namespace

std::string_view digest_name(DigestName name) { return kNames[static_cast<size_t>(name)]; }

std::optional<DigestName> digest_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); i++)
    if (kNames[i] == name) return static_cast<DigestName>(i);
  return std::nullopt;
}

Status FurtherDigests::begin(const DigestNames& wanted) {
  all_.clear();
  for (const DigestName name : wanted) {
    One& one = all_.emplace_back(One{name, nullptr});
    const EVP_MD* const kind = hash_of(name);
    if (!kind) continue;
    one.hash.reset(EVP_MD_CTX_new());
    if (!one.hash) return {ENOMEM, "further digests"};
    if (EVP_DigestInit_ex(one.hash.get(), kind, nullptr) != 1) return kFailed;
  }
  return {};
}

Status FurtherDigests::add(const void* data, size_t size) {
  for (One& one : all_) {
    if (!one.hash) {
      one.crc = crc_of(one.name, one.crc, data, size);
    } else if (EVP_DigestUpdate(one.hash.get(), data, size) != 1) {
      return kFailed;
    }
  }
  return {};
}

Status FurtherDigests::copy(FurtherDigests* to) const {
  to->all_.clear();
  for (const One& one : all_) {
    One& its = to->all_.emplace_back(One{one.name, nullptr, one.crc});
    if (!one.hash) continue;
    its.hash.reset(EVP_MD_CTX_new());
    if (!its.hash || EVP_MD_CTX_copy_ex(its.hash.get(), one.hash.get()) != 1)
      return {ENOMEM, "further digests"};
  }
  return {};
}

Status FurtherDigests::end(NamedDigests* out) {
  out->clear();
  for (const One& one : all_) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (one.hash && EVP_DigestFinal_ex(one.hash.get(), bytes, &size) != 1) return kFailed;
    out->emplace_back(one.name, one.hash ? hex(bytes, size) : crc_text(one.name, one.crc));
  }
  return {};
}

}  // namespace sealgate
