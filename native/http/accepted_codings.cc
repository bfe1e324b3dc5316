#include "http/accepted_codings.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/field_lines.h"

namespace sealgate {
namespace {

constexpr int kMostQuality = 1000;  // thousandths

// Weights as they were said, in thousandths; -1: not at all.
struct Weights {
  std::array<int, kContentCodings> codings;
  int identity = -1;
  int any = -1;

  Weights() { codings.fill(-1); }
  int of(size_t coding) const { return codings[coding] < 0 ? std::max(any, 0) : codings[coding]; }
};

// "0", "0.5", "1.000" (RFC 9110 12.4.2); -1 for anything else.
int weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  int thousandths = (text[0] - '0') * kMostQuality;
  if (text.size() > 1 && text[1] != '.') return -1;
  int unit = kMostQuality / 10;
  for (const char digit : text.substr(std::min<size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return -1;
    thousandths += (digit - '0') * unit;
    unit /= 10;
  }
  return thousandths > kMostQuality ? -1 : thousandths;
}

// A weight is the only parameter that a coding has.
int weight_in(std::string_view parameters) {
  const std::string_view parameter = trimmed(parameters);
  if (parameter.size() < 2 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') return -1;
  return weight_of(parameter.substr(2));
}

void take_element(std::string_view element, Weights& weights) {
  const size_t mark = element.find(';');
  const std::string_view name = trimmed(element.substr(0, mark));
  const int weight = mark == element.npos ? kMostQuality : weight_in(element.substr(mark + 1));
  if (weight < 0) return;
  if (name == "*") weights.any = weight;
  if (same(name, "identity")) weights.identity = weight;
  for (size_t i = 0; i < kContentCodings; i++)
    if (same(name, kContentCodingNames[i])) weights.codings[i] = weight;
  if (same(name, "x-gzip")) weights.codings[static_cast<size_t>(ContentCoding::gzip)] = weight;
}

}  // namespace

uint32_t accepted_codings(std::string_view head) {
  Weights weights;
  for_each_value(head, "accept-encoding", [&](std::string_view value) {
    while (!value.empty()) {
      const size_t comma = value.find(',');
      take_element(value.substr(0, comma), weights);
      value.remove_prefix(std::min(comma, value.size() - 1) + 1);
    }
    return true;
  });
  // What is not named is taken, but not rather than what is (RFC 9110 12.5.3).
  const int least = std::max(weights.identity, 1);
  std::array<size_t, kContentCodings> order = {};
  auto end = order.begin();
  for (size_t i = 0; i < kContentCodings; i++)
    if (weights.of(i) >= least) *end++ = i;
  std::stable_sort(order.begin(), end,
                   [&](size_t one, size_t other) { return weights.of(one) > weights.of(other); });
  uint32_t out = kCodingsAsked;
  uint32_t shift = 0;
  for (auto coding = order.begin(); coding != end; coding++, shift += 2)
    out |= static_cast<uint32_t>(*coding + 1) << shift;
  return out;
}

uint32_t acceptable_codings(const Request& request) {
  const auto has = [&](Field field) { return request.field(field).data() != nullptr; };
  const bool is_part = request.method == Method::get && has(Field::range);
  if (is_part && !has(Field::if_range) && !has(Field::if_match)) return kCodingsAsked;
  return accepted_codings(request.head);
}

}  // namespace sealgate
