#include "traffic.h"

namespace sealgate {

std::string_view path_name(Path path) {
  switch (path) {
    case Path::ktls_sendfile: return "ktls-sendfile";
    case Path::ktls_send: return "ktls-send";
    case Path::tls_file: return "tls-file";
    case Path::tls_send: return "tls-send";
    case Path::plain_sendfile: return "plain-sendfile";
    case Path::plain_send: return "plain-send";
    case Path::count_: break;
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
