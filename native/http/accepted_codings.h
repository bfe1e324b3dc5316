// Which content codings a client takes, and in which order it gets them (RFC 9110 12.5.3).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/content_coding.h"
#include "http/request.h"

namespace sealgate {

// Set in each result of accepted_codings(), so that none is that of a request which was not looked at.
constexpr uint32_t kCodingsAsked = 1u << (2 * kContentCodings);

// The codings that a request accepts, the best first, as two bits for each: its number in ContentCoding and
// one; 0 behind the last. What the client refuses, does not name, or likes less than the bytes as they are is
// left out. Where it likes several equally, the order is that of ContentCoding. `head`: as Request::head;
// several lines count as one list, and a malformed element is ignored. A pure function.
uint32_t accepted_codings(std::string_view head);

// Those of which the answer to `request` may have one. A range that names no entity tag is one of the bytes
// as they are: who asks for it has counted those, and cannot decode what begins in the middle. The coding may
// also have been made since the part that the client has.
uint32_t acceptable_codings(const Request& request);

}  // namespace sealgate
