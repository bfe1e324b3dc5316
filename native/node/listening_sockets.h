// ListeningSockets in JavaScript: the table of the server's sockets (src/native/sockets.ts).
#pragma once

#include <napi.h>

#include "server/listening_sockets.h"

namespace sealgate::addon {

// Throws when it is not what listeningSockets() made.
ListeningSockets& listening_sockets_in(const Napi::Value& given);

}  // namespace sealgate::addon
