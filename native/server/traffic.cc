#include "server/traffic.h"

namespace sealgate {

std::string_view path_name(Path path) {
  switch (path) {
    case Path::ktls_sendfile: return "ktls-sendfile";
    case Path::ktls_send: return "ktls-send";
    case Path::tls_file: return "tls-file";
    case Path::tls_send: return "tls-send";
    case Path::plain_sendfile: return "plain-sendfile";
    case Path::plain_send: return "plain-send";
    case Path::count_: break;
  }
  return "";
}

}  // namespace sealgate
