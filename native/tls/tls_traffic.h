// TlsTraffic: application data that went by TLS, by suite, direction and whoever protected its records.
#pragma once

#include <optional>
#include <string>

#include "base/counter.h"
#include "tls/ktls.h"

namespace sealgate {

// Protocol and cipher; plaintext is one too.
struct Suite {
  std::optional<TlsVersion> version;  // empty: plaintext
  std::optional<Aead> aead;           // empty: a cipher that the kernel does not know

  size_t index() const {
    if (!version) return 0;
    return 1 + static_cast<size_t>(*version) * (kAeads + 1) + (aead ? static_cast<size_t>(*aead) : kAeads);
  }
  static constexpr size_t kCount = 1 + 2 * (kAeads + 1);
  static Suite at(size_t index);
  std::string name() const;  // "TLSv1.3/AES-128-GCM", "plaintext/none"
};

class TlsTraffic {
 public:
  // Of one suite.
  struct Totals {
    struct Cell {
      Counter connections;  // that it had, at any time
      Counter bytes;        // of application data
    };
    Cell cells[2][2];  // by Direction, then OpenSSL or the kernel
  };
  Totals& of(Suite suite) { return suites_[suite.index()]; }
  // "tls_bytes.TLSv1.3/AES-128-GCM/tx/kernel"; combinations that never occurred are left out.
  template <typename Visit>
  void each(Visit& visit) const;

 private:
  Totals suites_[Suite::kCount];
};

template <typename Visit>
void TlsTraffic::each(Visit& visit) const {
  for (size_t s = 0; s < Suite::kCount; s++) {
    for (size_t cell = 0; cell < 4; cell++) {
      const Totals::Cell& found = suites_[s].cells[cell / 2][cell % 2];
      if (found.connections.get() == 0) continue;
      const std::string name =
          Suite::at(s).name() + (cell / 2 == 0 ? "/tx/" : "/rx/") + (cell % 2 == 0 ? "openssl" : "kernel");
      visit("tls_connections." + name, found.connections.get());
      visit("tls_bytes." + name, found.bytes.get());
    }
  }
}

}  // namespace sealgate
