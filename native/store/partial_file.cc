#include "store/partial_file.h"

namespace sealgate {

std::shared_ptr<PartialFile> PartialFile::claim(const std::shared_ptr<PartialFile>& file) {
  if (file->busy_.exchange(true, std::memory_order_acq_rel)) return nullptr;
  const auto end_claim = [file](PartialFile* claimed) {
    claimed->on_interrupt({});
    claimed->busy_.store(false, std::memory_order_release);
  };
  std::shared_ptr<PartialFile> claimed(file.get(), end_claim);
  if (claimed->finished_ || claimed->lost_) claimed.reset();
  return claimed;
}

void PartialFile::on_interrupt(std::function<void()> give_up) {
  const std::lock_guard lock(interrupting_);
  give_up_.swap(give_up);
}

void PartialFile::interrupt() {
  const std::lock_guard lock(interrupting_);
  if (give_up_) give_up_();
}

Status PartialFile::save(const EVP_MD_CTX* hash, const FurtherDigests& running, uint64_t size) {
  if (!hash_) hash_ = EVP_MD_CTX_new();
  if (!hash_ || EVP_MD_CTX_copy_ex(hash_, hash) != 1) return {ENOMEM, "SHA-256"};
  if (const Status status = running.copy(&running_); !status.ok()) return status;
  size_.store(size, std::memory_order_release);
  return {};
}

Status PartialFile::load(EVP_MD_CTX* hash, FurtherDigests* running) const {
  return EVP_MD_CTX_copy_ex(hash, hash_) == 1 ? running_.copy(running) : Status{ENOMEM, "SHA-256"};
}

}  // namespace sealgate
