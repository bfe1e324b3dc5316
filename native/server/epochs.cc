#include "server/epochs.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace sealgate {
namespace {

// A process that has the memory could otherwise take it from under the others.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Fd shared_memory(size_t bytes) {
  Fd memory(::memfd_create("sealgate epochs", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0) return {};
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) return {};
  return memory;
}

void* mapped(int memory, size_t bytes) {
  const int kind = memory < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
  return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kind, memory, 0);
}

}  // namespace

Epochs::Epochs() : memory_(shared_memory(kBytes)) {
  void* const at = mapped(memory_.get(), kBytes);
  if (at == MAP_FAILED) std::abort();
  slots_ = static_cast<Slot*>(at);
}

Epochs::~Epochs() { ::munmap(slots_, kBytes); }

Status Epochs::adopt(Fd memory) {
  struct stat found;
  if (::fstat(memory.get(), &found) != 0) return Status::last("fstat");
  if (static_cast<size_t>(found.st_size) != kBytes) return {EINVAL, "epochs of another size"};
  if (::fcntl(memory.get(), F_GET_SEALS) != kSeals) return {EINVAL, "epochs that can change their size"};
  void* const at = mapped(memory.get(), kBytes);
  if (at == MAP_FAILED) return Status::last("mmap");
  ::munmap(slots_, kBytes);
  slots_ = static_cast<Slot*>(at);
  memory_ = std::move(memory);
  return {};
}

}  // namespace sealgate
