// ResponseTimes: histograms of how long responses took, by path, size and rollout group.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "server/rollout.h"
#include "server/traffic.h"

namespace sealgate {

class ResponseTimes {
 public:
  struct Cell {
    Histogram first_byte;  // from the complete request, its body included, to the first byte for the kernel
    Histogram completion;  // from the complete request head to the last byte handed to the kernel
  };
  ResponseTimes() = default;
  ~ResponseTimes() {
    for (auto& cell : cells_) delete cell.load(std::memory_order_relaxed);
  }
  ResponseTimes(const ResponseTimes&) = delete;
  ResponseTimes& operator=(const ResponseTimes&) = delete;

  // Called by the writing thread only. A cell takes 2 KB, so it is created at its first use.
  Cell& cell(Group group, bool movable, Path path, uint64_t bytes) {
    std::atomic<Cell*>& at = cells_[index(static_cast<size_t>(group) * 2 + movable, path, class_of(bytes))];
    if (Cell* const found = at.load(std::memory_order_relaxed)) [[likely]]
      return *found;
    auto* const made = new Cell();
    at.store(made, std::memory_order_release);
    return *made;
  }

  // Visits "first_byte.tls-file/64KiB-256KiB/1023" (all groups together), "response_size.tls-file/262143"
  // (the number of responses with a size in that class), "group_first_byte.canary/1023" (TLS only, all
  // paths and sizes) and "movable_first_byte.canary/1023" (movable connections of the group,
  // group_totals.h). Each "first_byte" has a "completion" beside it.
  template <typename Visit>
  void each(Visit& visit) const;

  // Size classes, including the head. A class includes its lower bound and excludes its upper bound.
  static constexpr std::array<std::string_view, 8> kSizes{"0-4KiB",       "4KiB-16KiB",  "16KiB-64KiB",
                                                          "64KiB-256KiB", "256KiB-1MiB", "1MiB-4MiB",
                                                          "4MiB-16MiB",   "16MiB-"};
  static constexpr size_t class_of(uint64_t bytes) {
    return std::min<size_t>(static_cast<size_t>(std::bit_width(bytes >> 12) + 1) / 2, kSizes.size() - 1);
  }

  static constexpr uint64_t bound_of(size_t size) {  // largest size of a class
    return size + 1 < kSizes.size() ? (uint64_t{4096} << 2 * size) - 1 : UINT64_MAX;
  }

 private:
  static constexpr size_t kParts = static_cast<size_t>(Group::count_) * 2;
  static constexpr size_t kPaths = static_cast<size_t>(Path::count_);
  static constexpr size_t index(size_t part, Path path, size_t size) {
    return (part * kPaths + static_cast<size_t>(path)) * kSizes.size() + size;
  }
  const Cell* cell_at(size_t part, Path path, size_t size) const {
    return cells_[index(part, path, size)].load(std::memory_order_acquire);
  }
  static void include(Cell& sum, const Cell& cell) {
    sum.first_byte.include(cell.first_byte);
    sum.completion.include(cell.completion);
  }
  template <typename Visit>
  static void visit_cell(const std::string& prefix, const Cell& cell, const std::string& label,
                         Visit& visit) {
    visit_histogram(prefix + "first_byte", cell.first_byte, visit, label);
    visit_histogram(prefix + "completion", cell.completion, visit, label);
  }
  template <typename Visit>
  void each_path(Visit& visit) const;
  template <typename Visit>
  void each_group(Visit& visit) const;

  std::atomic<Cell*> cells_[kParts * kPaths * kSizes.size()]{};
};

template <typename Visit>
void ResponseTimes::each(Visit& visit) const {
  each_path(visit);
  each_group(visit);
}

template <typename Visit>
void ResponseTimes::each_path(Visit& visit) const {
  for (size_t p = 0; p < kPaths; p++) {
    const auto path = static_cast<Path>(p);
    for (size_t size = 0; size < kSizes.size(); size++) {
      Cell sum;
      bool any = false;
      for (size_t part = 0; part < kParts; part++) {
        const Cell* found = cell_at(part, path, size);
        if (!found) continue;
        include(sum, *found);
        any = true;
      }
      if (!any) continue;
      const std::string name(path_name(path));
      visit_cell("", sum, name + "/" + std::string(kSizes[size]), visit);
      visit("response_size." + name + "/" + std::to_string(bound_of(size)), sum.completion.count());
    }
  }
}

template <typename Visit>
void ResponseTimes::each_group(Visit& visit) const {
  for (size_t group = 0; group < static_cast<size_t>(Group::count_); group++) {
    Cell all, movable;
    for (size_t part = group * 2; part < group * 2 + 2; part++) {
      for (const Path path : {Path::ktls_sendfile, Path::ktls_send, Path::tls_file, Path::tls_send}) {
        for (size_t size = 0; size < kSizes.size(); size++) {
          const Cell* found = cell_at(part, path, size);
          if (!found) continue;
          include(all, *found);
          if (part % 2 == 1) include(movable, *found);
        }
      }
    }
    const std::string name(group_name(static_cast<Group>(group)));
    visit_cell("group_", all, name, visit);
    visit_cell("movable_", movable, name, visit);
  }
}

}  // namespace sealgate
