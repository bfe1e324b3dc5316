// Cors: which origins may read what a mount serves (Fetch standard, 3.2), and the fields that tell their
// browsers. It is evaluated for each answer, so that kept plans serve requests of all origins. Never changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "server/plan.h"
#include "server/response_head.h"

namespace sealgate {

// The fields are those of src/native/mounts.ts.
struct Cors {
  bool any = false;                  // every answer has `fields`, whatever the origin is
  std::vector<std::string> origins;  // "https://name", or "https://*.name" for every name below it
  std::vector<std::string> echoed;   // names of fields whose value is the origin
  ResponseFields fields;             // further fields for an origin that is allowed

  // Whether the answer to this request is that of requests without an origin.
  bool same_for(const Request& request) const { return any || !origin_of(request).data(); }
  // Adds the fields of an answer, as views of this rule and of the request.
  void add_to(ResponseHead& head, const Request& request) const;

 private:
  bool allows(std::string_view origin) const;
  // data() == nullptr when the request has none. Of two, which no browser sends, the answer is as for none
  // that is allowed.
  static std::string_view origin_of(const Request& request);
};

}  // namespace sealgate
