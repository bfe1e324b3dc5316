// Status lines (RFC 9112 4) and their reason phrases (RFC 9110 15).
#pragma once

#include <string_view>

namespace sealgate {

std::string_view status_line(int status);  // "HTTP/1.1 200 OK\r\n"

}  // namespace sealgate
