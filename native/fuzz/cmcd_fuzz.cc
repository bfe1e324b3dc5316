// Fuzzes what media players say of their playback. Input: a target, a line feed, and the lines of a head.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "http/cmcd.h"

namespace sealgate {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "cmcd_fuzz: %s\n", what);
  std::abort();
}

std::string as_it_is(std::string_view text) { return std::string(text); }

void fuzz(std::string_view input) {
  const size_t end = std::min(input.find('\n'), input.size());
  const std::string_view target = input.substr(0, end);
  const std::string_view head = input.substr(std::min(end + 1, input.size()));
  Cmcd said;
  const bool any = said.read(target, head);
  const std::string text = said.text(as_it_is);
  must(any || text == "{}", "a request that says nothing has values");
  must(text.size() <= Cmcd::kMostKeys * (Cmcd::kMostKeyBytes + 6 * Cmcd::kMostValueBytes + 6) + 2,
       "it is too long");
  // A line of the log stays one, whatever was sent.
  for (const char c : text) must(c >= 0x20, "a control character is in the line");
  for (const char* const key : {"bl", "mtp", "ltc"})
    must(said.number(key).value_or(0) < 1'000'000'000'000'000, key);
  const std::string rest = without_cmcd(target);
  must(rest.size() <= target.size(), "a target has grown");
  must(!Cmcd().read(rest, {}), "the argument is still there");
}

}  // namespace
}  // namespace sealgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealgate::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
