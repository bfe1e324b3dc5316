#include "server/cmcd_totals.h"

#include <iterator>
#include <utility>

namespace sealgate {
namespace {

constexpr std::pair<std::string_view, CmcdObject> kObjects[] = {
    {"m", CmcdObject::manifest}, {"a", CmcdObject::audio},       {"v", CmcdObject::video},
    {"av", CmcdObject::muxed},   {"i", CmcdObject::init},        {"c", CmcdObject::caption},
    {"k", CmcdObject::key},      {"tt", CmcdObject::timed_text}, {"o", CmcdObject::other},
};

CmcdObject object_of(std::string_view text) {
  if (text.empty()) return CmcdObject::none;
  for (const auto& [name, object] : kObjects) {
    if (name == text) return object;
  }
  return CmcdObject::other;
}

}  // namespace

std::string_view cmcd_object_name(CmcdObject object) {
  switch (object) {
    case CmcdObject::other: return "other";
    case CmcdObject::manifest: return "manifest";
    case CmcdObject::audio: return "audio";
    case CmcdObject::video: return "video";
    case CmcdObject::muxed: return "audio-and-video";
    case CmcdObject::init: return "init";
    case CmcdObject::caption: return "caption";
    case CmcdObject::timed_text: return "timed-text";
    case CmcdObject::key: return "key";
    case CmcdObject::none: return "none";
    case CmcdObject::count_: break;
  }
  return "";
}

void CmcdTotals::add(const Cmcd& said) {
  requests[object_of(said.value("ot"))].add();
  if (said.malformed()) malformed.add();
  if (said.is_true("bs")) starved.add();
  if (said.is_true("su")) startup.add();
  const auto observe = [&](Histogram& histogram, std::string_view key) {
    if (const auto value = said.number(key)) histogram.observe(static_cast<int64_t>(*value));
  };
  observe(buffer, "bl");
  observe(throughput, "mtp");
  observe(latency, "ltc");
}

}  // namespace sealgate
