#include "ingest.h"

#include <algorithm>
#include <cstring>

namespace sealgate {

std::shared_ptr<Ingest> Ingest::start(IoPool& pool, std::string staging, std::function<void()> wake) {
  return std::shared_ptr<Ingest>(new Ingest(pool, std::move(staging), std::move(wake)));
}

Ingest::Ingest(IoPool& pool, std::string staging, std::function<void()> wake)
    : pool_(pool), path_(std::move(staging)), wake_(std::move(wake)) {}

// A file that was finished just before the body was aborted is nobody's: no one has heard of it.
Ingest::~Ingest() {
  if (aborted_) file_.discard();
}

size_t Ingest::append(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && failure_.ok()) {
    if (filling_.size == kBufferBytes) {
      hand_over();
      if (filling_.size == kBufferBytes) break;  // both are full
    }
    const size_t room = std::min(bytes.size() - taken, kBufferBytes - filling_.size);
    std::memcpy(filling_.bytes.get() + filling_.size, bytes.data() + taken, room);
    filling_.size += room;
    taken += room;
  }
  received_ += taken;
  return taken;
}

void Ingest::finish() {
  finishing_ = true;
  hand_over();
}

void Ingest::abort() {
  aborted_ = true;
  // A job under way holds this object and the file goes with it; without one the last owner is the
  // connection.
}

void Ingest::hand_over() {
  if (under_way_ || last_submitted_ || !failure_.ok()) return;
  std::swap(filling_, writing_);
  filling_.size = 0;
  under_way_ = true;
  last_submitted_ = finishing_;
  pool_.submit([self = shared_from_this(), last = last_submitted_] { self->job(last); });
}

void Ingest::job(bool last) {
  Status status;
  if (!opened_) {
    status = file_.open(path_);
    opened_ = true;
  }
  if (status.ok() && !aborted_) status = file_.write(writing_.bytes.get(), writing_.size);
  if (status.ok() && last && !aborted_) status = file_.finish();
  if (!status.ok() || aborted_) file_.discard();
  job_status_ = status;
  job_done_.store(true, std::memory_order_release);
  wake_();
}

bool Ingest::settle() {
  if (!job_done_.exchange(false, std::memory_order_acquire)) return false;
  under_way_ = false;
  if (!job_status_.ok()) {
    failure_ = job_status_;
    return true;
  }
  if (last_submitted_) {
    stored_ = true;
  } else if (finishing_ || filling_.size == kBufferBytes) {
    hand_over();
  }
  return true;
}

}  // namespace sealgate
