// TlsTraffic: application data over TLS, by suite, direction and by who protects the records.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "tls/ktls.h"

namespace sealgate {

// Protocol and cipher of a connection; plaintext counts as a suite too.
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

// Who protects and opens the records of one direction of a connection (channel.h).
enum class RecordOwner : uint8_t { openssl, engine, kernel };
constexpr size_t kRecordOwners = 3;

std::string_view record_owner_name(RecordOwner owner);

class TlsTraffic {
 public:
  // Totals of one suite.
  struct Totals {
    struct Cell {
      Counter connections;  // of which it had the records at any time after the handshake
      Counter bytes;        // of application data
    };
    Cell& cell(Direction direction, RecordOwner owner) {
      return cells[static_cast<size_t>(direction)][static_cast<size_t>(owner)];
    }
    Cell cells[2][kRecordOwners];
  };
  Totals& of(Suite suite) { return suites_[suite.index()]; }
  // Visits counters such as "tls_bytes.TLSv1.3/AES-128-GCM/tx/kernel"; combinations that never occurred are
  // skipped.
  template <typename Visit>
  void each(Visit& visit) const;

 private:
  Totals suites_[Suite::kCount];
};

template <typename Visit>
void TlsTraffic::each(Visit& visit) const {
  for (size_t s = 0; s < Suite::kCount; s++) {
    for (const Direction direction : {Direction::tx, Direction::rx}) {
      for (const RecordOwner owner : {RecordOwner::openssl, RecordOwner::engine, RecordOwner::kernel}) {
        const Totals::Cell& found =
            suites_[s].cells[static_cast<size_t>(direction)][static_cast<size_t>(owner)];
        if (found.connections.get() == 0) continue;
        std::string name = Suite::at(s).name();
        name.append(direction == Direction::tx ? "/tx/" : "/rx/").append(record_owner_name(owner));
        visit("tls_connections." + name, found.connections.get());
        visit("tls_bytes." + name, found.bytes.get());
      }
    }
  }
}

}  // namespace sealgate
