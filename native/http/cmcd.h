// Cmcd: what a media player says of its playback with a request (CTA-5004, Common Media Client Data), in the
// query argument CMCD, in the fields CMCD-Object, CMCD-Request, CMCD-Status and CMCD-Session, or in both.
// Version 2 of it has the same form, with lists and parameters in further places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealgate {

class Cmcd {
 public:
  static constexpr size_t kMostBytes = 4096;      // of all that is said, decoded; more is not read
  static constexpr size_t kMostKeys = 64;         // further ones are left out
  static constexpr size_t kMostKeyBytes = 64;     // as of a session's id
  static constexpr size_t kMostValueBytes = 256;  // values are cut to it in text()

  // False: the request says nothing. `head`: as Request::head.
  bool read(std::string_view target, std::string_view head);

  // What was said is not all of the form that it must have, or more than is read. What was read until there
  // counts.
  bool malformed() const { return malformed_; }

  // Of a key that stands alone or with ?1, which is how a truth is written.
  bool is_true(std::string_view key) const;
  // A whole number, or the first one of a list. Nothing: there is none, or more than fifteen digits.
  std::optional<uint64_t> number(std::string_view key) const;
  std::string_view value(std::string_view key) const;  // as sent; empty: there is none

  // A JSON object with what was said, numbers as numbers. `shown`: what is told of a value that is text.
  std::string text(std::string (*shown)(std::string_view)) const;

 private:
  struct Item {
    std::string_view key, value;  // as sent; the value of a key alone has no data()
  };

  void take_query(std::string_view query);
  void take_fields(std::string_view head);
  void take(std::string_view said);
  void parse();
  const Item* find(std::string_view key) const;

  std::string said_;  // all of it, decoded, with commas between
  std::vector<Item> items_;
  bool any_ = false, malformed_ = false;
};

// A target without its argument CMCD.
std::string without_cmcd(std::string_view target);

}  // namespace sealgate
