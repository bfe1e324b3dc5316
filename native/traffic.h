// What went over the wire: TlsTraffic by who had the record layer, SentTraffic by the path that responses
// took.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "counter.h"
#include "ktls.h"
#include "sealed_file.h"

namespace sealgate {

// How the bytes of a response left.
enum class Path : uint8_t {
  ktls_sendfile,
  ktls_send,
  tls_file,
  tls_send,
  plain_sendfile,
  plain_send,
  count_
};

std::string_view path_name(Path path);

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

// What went by TLS, by protocol, cipher, direction and whoever had the record layer.
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

// Responses by path, suite and seal of their content.
class SentTraffic {
 public:
  struct Cell {
    Counter responses;
    Counter bytes;  // of heads and bodies, before TLS
  };
  // No level: generated content.
  Cell& cell(Path path, Suite suite, std::optional<SealLevel> level) {
    const size_t seal = level ? 1 + static_cast<size_t>(*level) : 0;
    return cells_[static_cast<size_t>(path)][suite.index()][seal];
  }
  // "responses.tls-file/TLSv1.3/AES-128-GCM/L1"; what never occurred is left out.
  template <typename Visit>
  void each(Visit& visit) const;

 private:
  static constexpr size_t kSeals = 3;
  Cell cells_[static_cast<size_t>(Path::count_)][Suite::kCount][kSeals];
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

template <typename Visit>
void SentTraffic::each(Visit& visit) const {
  static constexpr const char* kSealNames[kSeals] = {"none", "L0", "L1"};
  for (size_t path = 0; path < static_cast<size_t>(Path::count_); path++) {
    for (size_t s = 0; s < Suite::kCount; s++) {
      for (size_t seal = 0; seal < kSeals; seal++) {
        const Cell& cell = cells_[path][s][seal];
        if (cell.responses.get() == 0 && cell.bytes.get() == 0) continue;
        const std::string name = std::string(path_name(static_cast<Path>(path))) + "/" + Suite::at(s).name() +
                                 "/" + kSealNames[seal];
        visit("responses." + name, cell.responses.get());
        visit("bytes." + name, cell.bytes.get());
      }
    }
  }
}

}  // namespace sealgate
