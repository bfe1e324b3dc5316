// MountTable: finds the mount of a request. Mounts of the most specific host come first, and among them
// the longest path. A path that no mount of a host covers is looked up among wider hosts, and last among
// the mounts of all hosts. A table never changes; a reactor gets a new one as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sealgate {

class Access;
struct Cors;
struct SiteTotals;

// The fields are those of src/native/mounts.ts.
struct Mount {
  uint32_t id = 0;                            // never 0, which says that a request has no mount
  std::string host;                           // "name", "*.name" or "*", in lower case
  std::string path;                           // with a slash at both ends
  bool open_reads = false;                    // everybody may read, so no credentials are evaluated
  std::vector<std::string> parameters;        // query parameters that answers depend on
  bool codings = false;                       // answers may come in several content codings
  bool cache_status = false;                  // answers say whether a kept plan made them
  bool guarded = false;                       // requests are judged before their plans are looked up
  bool cmcd = false;                          // what players say is logged and counted
  std::shared_ptr<const Cors> cors = {};      // who may read answers in other origins' pages; null: nobody
  std::shared_ptr<const Access> access = {};  // by address and signature; null: no such rule
  std::string name = {};                      // of its site, in the access log; empty: it is none
  SiteTotals* totals = nullptr;               // of its site; null: it is none
  bool encoders = false;                      // uploads come from clients that need their connection
};

class MountTable {
 public:
  explicit MountTable(std::vector<Mount> mounts);
  MountTable(const MountTable&) = delete;
  MountTable& operator=(const MountTable&) = delete;

  // The same mounts, and all of them guarded.
  std::shared_ptr<const MountTable> guarded() const;

  bool has(uint32_t id) const { return ids_.contains(id); }
  // The name of a mount's site; empty when the table has no such mount.
  std::string_view name_of(uint32_t id) const {
    const auto found = ids_.find(id);
    return found == ids_.end() ? std::string_view() : found->second->name;
  }

  // Null when the table has no such mount.
  const Mount* at(uint32_t id) const {
    const auto found = ids_.find(id);
    return found == ids_.end() ? nullptr : found->second;
  }

  bool is_for_encoders(uint32_t id) const {
    const auto found = ids_.find(id);
    return found != ids_.end() && found->second->encoders;
  }

  bool says_cache_status(uint32_t id) const {
    const auto found = says_cache_status_ ? ids_.find(id) : ids_.end();
    return found != ids_.end() && found->second->cache_status;
  }

  // Null when no mount covers the path. `authority` is a host, with a port if the client named one.
  // `target` is in origin-form, or "*", which counts as the root path (RFC 9110 9.3.7).
  const Mount* find(std::string_view authority, std::string_view target) const {
    return only_ ? only_ : search(authority, target);
  }

 private:
  // Sorted, the longest path first.
  using ByPath = std::vector<const Mount*>;
  struct HashText {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ByHost = std::unordered_map<std::string, ByPath, HashText, std::equal_to<>>;

  const Mount* search(std::string_view authority, std::string_view target) const;
  static const Mount* covering(const ByPath& mounts, std::string_view path);
  static const Mount* covering(const ByHost& mounts, std::string_view host, std::string_view path);

  std::vector<Mount> mounts_;  // never changes after the constructor
  std::unordered_map<uint32_t, const Mount*> ids_;
  ByHost names_;                    // by host name
  ByHost suffixes_;                 // by what follows the star in "*.name": ".name"
  ByPath everywhere_;               // mounts of host "*"
  bool says_cache_status_ = false;  // of any mount
  const Mount* only_ = nullptr;     // set when there is a single mount, and it covers everything
};

}  // namespace sealgate
