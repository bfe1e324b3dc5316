#include "server/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sealgate {

// A limit of 0 forbids files alone; one of 1 is the kernel's sign that no program gets the core either. Where
// the hard limit is below it, the process is made one that cannot be dumped, which also hides it from
// debuggers of its own user.
void forbid_core_dumps() {
  const rlimit none{1, 1};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) ::prctl(PR_SET_DUMPABLE, 0);
}

void leave_process(int status) { ::_exit(status); }

}  // namespace sealgate
