// SentTraffic: counts responses and their bytes by path, TLS suite and seal level.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "store/sealed_file.h"
#include "tls/tls_traffic.h"

namespace sealgate {

// The way by which the bytes of a response were sent.
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

// The counters by path, suite and seal level.
class SentTraffic {
 public:
  struct Cell {
    Counter responses;
    Counter bytes;  // of heads and bodies, before TLS
  };
  // No level: the content was generated.
  Cell& cell(Path path, Suite suite, std::optional<SealLevel> level) {
    const size_t seal = level ? 1 + static_cast<size_t>(*level) : 0;
    return cells_[static_cast<size_t>(path)][suite.index()][seal];
  }
  // Visits "responses.tls-file/TLSv1.3/AES-128-GCM/L1"; combinations that never occurred are left out.
  template <typename Visit>
  void each(Visit& visit) const;

 private:
  static constexpr size_t kSeals = 1 + static_cast<size_t>(SealLevel::count_);
  Cell cells_[static_cast<size_t>(Path::count_)][Suite::kCount][kSeals];
};

template <typename Visit>
void SentTraffic::each(Visit& visit) const {
  for (size_t path = 0; path < static_cast<size_t>(Path::count_); path++) {
    for (size_t s = 0; s < Suite::kCount; s++) {
      for (size_t seal = 0; seal < kSeals; seal++) {
        const Cell& cell = cells_[path][s][seal];
        if (cell.responses.get() == 0 && cell.bytes.get() == 0) continue;
        const std::string_view level = seal == 0 ? "none" : seal_level_name(static_cast<SealLevel>(seal - 1));
        const std::string name = std::string(path_name(static_cast<Path>(path)))
                                     .append("/")
                                     .append(Suite::at(s).name())
                                     .append("/")
                                     .append(level);
        visit("responses." + name, cell.responses.get());
        visit("bytes." + name, cell.bytes.get());
      }
    }
  }
}

}  // namespace sealgate
