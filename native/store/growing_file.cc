#include "store/growing_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "store/page_cache.h"

namespace sealgate {

bool GrowingFile::when_grown(uint64_t seen, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (state() != State::growing || length() > seen) return false;
  wakes_.push_back({seen, std::move(wake)});
  return true;
}

std::shared_ptr<GrowingFile> GrowingFile::claim(const std::shared_ptr<GrowingFile>& file) {
  if (file->claimed_.exchange(true, std::memory_order_acq_rel)) return nullptr;
  const auto give_up = [file](GrowingFile* claimed) {
    if (!claimed->received_.load(std::memory_order_acquire)) claimed->fail();
  };
  return {file.get(), give_up};
}

Status GrowingFile::open(const std::string& path) {
  Fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!opened) return Status::last("open staging file to read");
  adopt(std::move(opened));
  return {};
}

void GrowingFile::adopt(Fd readable) {
  struct stat st {};
  resident_ = ::fstat(readable.get(), &st) == 0 && never_cold(readable.get(), st.st_dev);
  readable_ = std::move(readable);
}

void GrowingFile::grow(uint64_t length) {
  assert(length >= length_.load(std::memory_order_relaxed));
  Wakes wakes;
  {
    const std::lock_guard lock(mutex_);
    if (state() != State::growing || length == this->length()) return;
    length_.store(length, std::memory_order_release);
    const auto due = std::partition(wakes_.begin(), wakes_.end(),
                                    [length](const Wake& wake) { return wake.seen >= length; });
    wakes.assign(std::make_move_iterator(due), std::make_move_iterator(wakes_.end()));
    wakes_.erase(due, wakes_.end());
  }
  wake_all(wakes);
}

void GrowingFile::end(State state) {
  Wakes wakes;
  {
    const std::lock_guard lock(mutex_);
    if (this->state() != State::growing) return;
    state_.store(state, std::memory_order_release);
    wakes.swap(wakes_);
  }
  wake_all(wakes);
}

// Without the lock, because whoever is woken may look at the file at once.
void GrowingFile::wake_all(const Wakes& wakes) {
  for (const Wake& wake : wakes) wake.call();
}

}  // namespace sealgate
