#include "server/ingest.h"

#include <algorithm>

namespace sealgate {

std::shared_ptr<Ingest> Ingest::start(IoPool& pool, std::string staging, std::optional<uint64_t> length,
                                      std::function<void()> wake) {
  return std::shared_ptr<Ingest>(new Ingest(pool, std::move(staging), length, std::move(wake)));
}

Ingest::Ingest(IoPool& pool, std::string staging, std::optional<uint64_t> length, std::function<void()> wake)
    : pool_(pool),
      path_(std::move(staging)),
      wake_(std::move(wake)),
      length_(length),
      capacity_(std::clamp<uint64_t>(length.value_or(kBufferBytes), 1, kBufferBytes)),
      buffer_(new char[capacity_]) {}

// A file that was finished just before the body was aborted is nobody's: no one has heard of it.
Ingest::~Ingest() {
  if (aborted_) file_.discard();
}

std::span<char> Ingest::room() {
  if (waits()) return {};
  return {buffer_.get() + size_, capacity_ - size_};
}

size_t Ingest::append(std::string_view bytes) {
  const std::span<char> to = room();
  const size_t taken = std::min(bytes.size(), to.size());
  if (bytes.data() != to.data()) std::copy_n(bytes.data(), taken, to.data());
  size_ += taken;
  received_ += taken;
  if (size_ == capacity_ && received_ != length_) hand_over();  // the last of it goes by finish()
  return taken;
}

void Ingest::finish() {
  finishing_ = true;
  hand_over();
}

// A job under way holds the object too: the last of the two takes the file with it.
void Ingest::abort(std::shared_ptr<Ingest> ingest) {
  ingest->aborted_ = true;
  IoPool& pool = ingest->pool_;
  pool.submit([ingest = std::move(ingest)] {});
}

void Ingest::hand_over() {
  if (under_way_ || last_submitted_ || !failure_.ok()) return;
  under_way_ = true;
  last_submitted_ = finishing_;
  pool_.submit([self = shared_from_this(), last = last_submitted_] { self->job(last); });
}

void Ingest::job(bool last) {
  Status status;
  if (!opened_) {
    status = file_.open(path_, length_.value_or(0));
    opened_ = true;
  }
  if (status.ok() && !aborted_) status = file_.write(buffer_.get(), size_);
  if (status.ok() && last && !aborted_) status = file_.finish();
  if (!status.ok() || aborted_) file_.discard();
  job_status_ = status;
  job_done_.store(true, std::memory_order_release);
  wake_();
}

bool Ingest::settle() {
  if (!job_done_.exchange(false, std::memory_order_acquire)) return false;
  under_way_ = false;
  size_ = 0;
  if (!job_status_.ok()) {
    failure_ = job_status_;
    return true;
  }
  if (last_submitted_) {
    stored_ = true;
  } else if (finishing_) {
    hand_over();
  }
  return true;
}

}  // namespace sealgate
