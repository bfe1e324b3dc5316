// Settings of the whole process.
#pragma once

namespace sealgate {

// From now on no core of the process is written, neither to a file nor to a program (core(5)): its memory
// holds private keys, ticket keys and tokens of clients.
void forbid_core_dumps();

// From now on a SIGBUS from a mapped file of the store's metadata ends the process with a sentence on
// standard error and status 74 (EX_IOERR of sysexits(3)). It comes when the file was cut short or its disk
// failed. Any other SIGBUS goes to the handler that was there before: a runtime's or a sanitizer's.
void explain_lost_metadata();

// Ends the process at once, with all threads.
[[noreturn]] void leave_process(int status);

}  // namespace sealgate
