// What the engine does to its process as a whole.
#pragma once

namespace sealgate {

// No core of it is written from now on, neither to a file nor to a program (core(5)): private keys, ticket
// keys and clients' tokens are in its memory.
void forbid_core_dumps();

// A store's metadata that lose bytes while they are mapped (they were cut short, their disk failed) end the
// process with SIGBUS at the next read. From now on with a sentence on standard error and status 74, the
// EX_IOERR of sysexits(3). Every other SIGBUS goes to who handled it before: a runtime, a sanitizer.
void explain_lost_metadata();

// Ends it at once, with all of its threads.
[[noreturn]] void leave_process(int status);

}  // namespace sealgate
