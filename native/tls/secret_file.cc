#include "tls/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace sealgate {

Status read_secret_file(const std::string& path, size_t most, SecureBytes* out, std::string_view* text) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0) return Status::last("open");
  if (!S_ISREG(found.st_mode)) return {S_ISDIR(found.st_mode) ? EISDIR : EINVAL, "open"};
  SecureBytes bytes(most + 1);
  if (!bytes.data()) return {ENOMEM, "OPENSSL_secure_malloc"};
  size_t size = 0;
  for (ssize_t n = 1; n > 0 && size <= most; size += static_cast<size_t>(n)) {
    n = ::read(file.get(), bytes.data() + size, most + 1 - size);
    if (n < 0) return Status::last("read");
  }
  if (size > most) return {EFBIG, "read"};
  *out = std::move(bytes);
  *text = {out->data(), size};
  return {};
}

}  // namespace sealgate
