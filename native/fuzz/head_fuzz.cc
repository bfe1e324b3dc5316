// Fuzzes what a client can say before anything is decided: Http1 and the preconditions. Input: four bytes,
// the sizes of the pieces the stream is cut into; one byte, whose lowest bit chooses small limits; the
// stream.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "http/representation.h"
#include "test/transcript.h"

namespace sealgate {
namespace {

constexpr size_t kSizes = 4;
constexpr size_t kPreamble = kSizes + 1;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "head_fuzz: %s\n", what);
  std::abort();
}

HttpLimits small_limits() {
  HttpLimits limits;
  limits.target_bytes = 32;
  limits.head_bytes = 128;
  limits.fields = 4;
  limits.ranges = 3;
  return limits;
}

std::vector<std::string_view> cut(std::string_view stream, std::string_view sizes) {
  std::vector<std::string_view> pieces;
  for (size_t at = 0, i = 0; at < stream.size(); i++) {
    pieces.push_back(stream.substr(at, static_cast<uint8_t>(sizes[i % sizes.size()]) + size_t{1}));
    at += pieces.back().size();
  }
  return pieces;
}

void check_ranges(const Request& request, uint64_t size, size_t max_ranges) {
  std::vector<ByteRange> ranges;
  const Outcome outcome = evaluate(request, {"\"e\"", size, 784111777}, max_ranges, ranges);
  must((outcome == Outcome::partial) == !ranges.empty(),
       "there are ranges exactly when the answer is partial");
  must(ranges.empty() || request.method == Method::get, "a range is for GET alone");
  must(ranges.size() <= max_ranges, "no more ranges than the limit");
  for (const ByteRange& range : ranges) {
    must(range.length > 0, "no range is empty");
    must(range.length <= size && range.first <= size - range.length, "every range lies inside the file");
  }
}

void check_date(std::string_view field) {
  int64_t seconds = 0, again = 0;
  if (!field.data() || !parse_http_date(field, 0, &seconds)) return;
  char text[29];
  format_http_date(seconds, text);
  must(parse_http_date({text, sizeof text}, 0, &again) && again == seconds, "a date is read back as written");
}

void check_head(const Request& request, const HttpLimits& limits) {
  must(request.target.size() <= limits.target_bytes, "the target is within its limit");
  must(request.head.size() <= limits.head_bytes, "the head is within its limit");
  must(request.head.find('\0') == std::string_view::npos, "no NUL reaches the application");
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, uint64_t{INT64_MAX}}) {
    check_ranges(request, size, limits.ranges);
  }
  check_date(request.field(Field::if_modified_since));
  check_date(request.field(Field::if_range));
}

struct Read {
  std::string text, heads;
  bool failed = false;
  bool operator==(const Read&) const = default;
};

Read read(const std::vector<std::string_view>& pieces, const HttpLimits& limits) {
  Transcript transcript(limits, [&](const Request& request) { check_head(request, limits); });
  bool failed = false;
  for (const std::string_view piece : pieces) {
    failed = !transcript.feed(piece);
    if (failed) break;
  }
  return {transcript.text(), transcript.heads(), failed};
}

// A request that is both too long and malformed may be refused for either.
void forget_reason(Read& read) {
  if (read.failed) read.text.resize(read.text.rfind("failed "));
}

void fuzz(std::string_view input) {
  if (input.size() < kPreamble) return;
  const bool small = (input[kSizes] & 1) != 0;
  const HttpLimits limits = small ? small_limits() : HttpLimits{};
  const std::string_view stream = input.substr(kPreamble);
  Read whole = read({stream}, limits);
  Read pieces = read(cut(stream, input.substr(0, kSizes)), limits);
  Read bytes = read(byte_by_byte(stream), limits);
  if (small) {
    for (Read* each : {&whole, &pieces, &bytes}) forget_reason(*each);
  }
  must(pieces == whole, "pieces are read as the whole is");
  must(bytes == whole, "single bytes are read as the whole is");
}

}  // namespace
}  // namespace sealgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealgate::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
