// Whether a file system is read-only for everybody. A mount that is read-only keeps only those from writing
// who come through it (mount(8), "bind"); others may write through another mount of the same file system.
#pragma once

#include <cstdint>
#include <string_view>

namespace sealgate {

// Whether the file system that holds an open file is read-only. The kernel's list of mounts is read once in a
// few seconds.
bool on_read_only_file_system(int fd);

// Whether a line of /proc/self/mountinfo (proc(5)) is of the mount with this number, and the options of
// its file system begin with "ro".
bool tells_read_only(std::string_view line, uint64_t mount_id);

}  // namespace sealgate
