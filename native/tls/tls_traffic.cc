#include "tls/tls_traffic.h"

namespace sealgate {

std::string_view record_owner_name(RecordOwner owner) {
  switch (owner) {
    case RecordOwner::openssl: return "openssl";
    case RecordOwner::engine: return "engine";
    case RecordOwner::kernel: return "kernel";
  }
  return "";
}

Suite Suite::at(size_t index) {
  if (index == 0) return {};
  const size_t version = (index - 1) / (kAeads + 1), aead = (index - 1) % (kAeads + 1);
  Suite suite{static_cast<TlsVersion>(version), std::nullopt};
  if (aead < kAeads) suite.aead = static_cast<Aead>(aead);
  return suite;
}

std::string Suite::name() const {
  if (!version) return "plaintext/none";
  return std::string(version_name(*version)) + "/" + std::string(aead ? aead_name(*aead) : "other");
}

}  // namespace sealgate
