#include "server/http2_response.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "server/request_id.h"

namespace sealgate {
namespace {

template <size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view each) { return same(each, name); });
}

// Fields that say something about an HTTP/1.1 connection (RFC 9113 8.2.2).
bool is_of_connection(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"connection", "keep-alive", "proxy-connection",
                                                   "transfer-encoding", "upgrade"};
  return is_one_of(kNames, name);
}

// Values that hardly come again would only push others out of the client's table.
bool is_of_one_answer(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames{"etag",          "repr-digest", "content-length",
                                                   "content-range", "date",        kRequestIdField};
  return is_one_of(kNames, name);
}

uint8_t* bytes_of(const char* text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text)); }

}  // namespace

void Http2Fields::add_status(int status, uint8_t flags) {
  const auto end = std::to_chars(status_, status_ + sizeof status_, status).ptr;
  add(":status", {status_, static_cast<size_t>(end - status_)}, flags);
}

void Http2Fields::add(std::string_view name, std::string_view value, uint8_t flags) {
  if (is_of_connection(name)) return;
  if (is_of_one_answer(name)) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
  list_.push_back({bytes_of(name.data()), bytes_of(value.data()), name.size(), value.size(), flags});
}

void Http2Fields::set(const ResponseHead& head) {
  list_.clear();
  add_status(head.status, NGHTTP2_NV_FLAG_NONE);
  for (const auto& [name, value] : head.fields()) add(name, value, NGHTTP2_NV_FLAG_NONE);
}

// The text has a status line, lines of fields, an empty line and the body (append_head()). Values in the part
// that changes are copied when a response is submitted: the next one may be written there before nghttp2
// codes that.
KeptFields::KeptFields(const Http1Answer& answer) {
  constexpr uint8_t kChanges = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  constexpr uint8_t kStays = kChanges | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  const std::string_view text = answer.text;
  const size_t head_end = text.find("\r\n\r\n") + 2;
  body_ = text.substr(head_end + 2);
  names_.resize(head_end);
  std::transform(text.begin(), text.begin() + static_cast<ptrdiff_t>(head_end), names_.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
  add_status(200, kStays);
  for (size_t from = text.find("\r\n") + 2; from < head_end;) {
    const size_t colon = text.find(": ", from), end = text.find("\r\n", from);
    const uint8_t flags = colon < answer.common ? kChanges : kStays;
    add(std::string_view(names_).substr(from, colon - from), text.substr(colon + 2, end - colon - 2), flags);
    from = end + 2;
  }
  list_.shrink_to_fit();
}

}  // namespace sealgate
