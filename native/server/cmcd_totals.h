// CmcdTotals: what players said of their playback with requests to one site. However many players there are
// and whatever they say, it has the same few numbers.
#pragma once

#include <cstdint>
#include <string>

#include "base/counter.h"
#include "base/histogram.h"
#include "http/cmcd.h"

namespace sealgate {

// The object type (ot).
enum class CmcdObject : uint8_t {
  other,
  manifest,
  audio,
  video,
  muxed,
  init,
  caption,
  timed_text,
  key,
  none,
  count_
};

std::string_view cmcd_object_name(CmcdObject object);

struct CmcdTotals {
  CounterSet<CmcdObject> requests;
  Counter malformed;
  Counter starved;       // requests of players whose buffer had run empty since the one before (bs)
  Counter startup;       // requests of players that need the object to begin or go on (su)
  Histogram buffer;      // milliseconds that are buffered (bl)
  Histogram throughput;  // kbit/s that the player has measured (mtp)
  Histogram latency;     // milliseconds behind the live edge (ltc of version 2)

  void add(const Cmcd& said);
  // Visits "cmcd_requests.video/NAME" and "cmcd_buffer.NAME/1023"; what never occurred is left out.
  template <typename Visit>
  void each(const std::string& name, Visit visit) const;
};

template <typename Visit>
void CmcdTotals::each(const std::string& name, Visit visit) const {
  const auto total = [&](const std::string& counter, uint64_t value) {
    if (value) visit(counter, value);
  };
  for (size_t i = 0; i < static_cast<size_t>(CmcdObject::count_); i++) {
    const auto object = static_cast<CmcdObject>(i);
    total("cmcd_requests." + std::string(cmcd_object_name(object)) + "/" + name, requests.get(object));
  }
  total("cmcd_malformed." + name, malformed.get());
  total("cmcd_starved." + name, starved.get());
  total("cmcd_startup." + name, startup.get());
  visit_histogram("cmcd_buffer", buffer, total, name);
  visit_histogram("cmcd_throughput", throughput, total, name);
  visit_histogram("cmcd_latency", latency, total, name);
}

}  // namespace sealgate
