// What the engine does to its process as a whole.
#pragma once

namespace sealgate {

// No core of it is written from now on, neither to a file nor to a program (core(5)): private keys, ticket
// keys and clients' tokens are in its memory.
void forbid_core_dumps();

// Ends it at once, with all of its threads.
[[noreturn]] void leave_process(int status);

}  // namespace sealgate
