// One TLS record by hand, in userspace: what a peer without kernel TLS does. The probe judges the kernel with
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ktls.h"

namespace sealgate {

// The record on the wire, header included (RFC 8446 5.2, RFC 5246 6.2.3.3). Empty on failure.
std::string seal_record(const RecordKeys& keys, uint64_t sequence, uint8_t type, std::string_view data);
// The inverse; false when the record is not authentic. *type is the inner type.
bool open_record(const RecordKeys& keys, uint64_t sequence, std::string_view record, uint8_t* type,
                 std::string* data);

}  // namespace sealgate
