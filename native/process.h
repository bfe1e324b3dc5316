// What the engine does to its process as a whole.
#pragma once

namespace sealgate {

// Ends it at once, with all of its threads.
[[noreturn]] void leave_process(int status);

}  // namespace sealgate
