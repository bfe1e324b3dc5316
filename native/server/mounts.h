// MountTable: which mount a request is for. The most specific host decides, then the longest path; what no
// mount of a host covers is looked for among those of wider hosts, and last among those of all hosts. It
// never changes: a reactor's is exchanged as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sealgate {

// In the words of src/native/mounts.ts.
struct Mount {
  uint32_t id = 0;                      // never 0, which says that a request has no mount
  std::string host;                     // "name", "*.name" or "*", in lower case
  std::string path;                     // with a slash at both ends
  bool open_reads = false;              // everybody may read: no credentials are looked at
  std::vector<std::string> parameters;  // of a query, that what is delivered depends on
};

class MountTable {
 public:
  explicit MountTable(std::vector<Mount> mounts);
  MountTable(const MountTable&) = delete;
  MountTable& operator=(const MountTable&) = delete;

  // Null when no mount covers the path. The authority is a host, and a port where the client named one; the
  // target is in origin-form, or "*", which is the root's (RFC 9110 9.3.7).
  const Mount* find(std::string_view authority, std::string_view target) const {
    return only_ ? only_ : search(authority, target);
  }

 private:
  // Long paths first.
  using ByPath = std::vector<const Mount*>;
  struct HashText {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ByHost = std::unordered_map<std::string, ByPath, HashText, std::equal_to<>>;

  const Mount* search(std::string_view authority, std::string_view target) const;
  static const Mount* covering(const ByPath& mounts, std::string_view path);
  static const Mount* covering(const ByHost& mounts, std::string_view host, std::string_view path);

  const std::vector<Mount> mounts_;
  ByHost names_;                 // by host
  ByHost suffixes_;              // by what comes after the star: ".name"
  ByPath everywhere_;            // those of all hosts
  const Mount* only_ = nullptr;  // it covers all there is, and there is no other
};

}  // namespace sealgate
