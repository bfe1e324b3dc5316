#include "server/ingest.h"

#include <algorithm>
#include <utility>

namespace sealgate {

std::shared_ptr<Ingest> Ingest::start(IoPool& pool, UploadTarget to, std::optional<uint64_t> length,
                                      std::function<void()> wake) {
  return std::shared_ptr<Ingest>(new Ingest(pool, std::move(to), length, std::move(wake)));
}

Ingest::Ingest(IoPool& pool, UploadTarget to, std::optional<uint64_t> length, std::function<void()> wake)
    : pool_(pool),
      wake_(std::move(wake)),
      length_(length),
      capacity_(std::clamp<uint64_t>(length.value_or(kBufferBytes), 1, kBufferBytes)),
      buffer_(new char[capacity_]) {
  if (auto* const partial = std::get_if<AppendTarget>(&to)) {
    to_ = std::move(*partial);
  } else {
    path_ = std::move(std::get<StagingTarget>(to).path);
  }
}

// A file that was finished just before the body was aborted is nobody's: no one has heard of it.
Ingest::~Ingest() {
  if (!aborted_) return;
  if (to_.file) {
    keep_rest();
  } else if (!path_.empty()) {
    file_.discard();
  }
  if (done_) done_();
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
void Ingest::abort(std::shared_ptr<Ingest> ingest, std::function<void()> done) {
  ingest->aborted_ = true;
  ingest->done_ = std::move(done);
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
  job_status_ = to_.file ? append_to_partial(last) : store(last);
  job_done_.store(true, std::memory_order_release);
  wake_();
}

Status Ingest::store(bool last) {
  Status status;
  if (!std::exchange(opened_, true)) status = file_.open(path_, length_.value_or(0));
  if (status.ok() && !aborted_) status = file_.write(buffer_.get(), size_);
  if (status.ok() && last && !aborted_) status = file_.finish();
  if (!status.ok() || aborted_) file_.discard();
  return status;
}

// What was written counts with each buffer, so that nothing that arrived is lost when a later one fails.
Status Ingest::append_to_partial(bool last) {
  PartialFile& partial = *to_.file;
  Status status;
  if (!std::exchange(opened_, true)) {
    status = file_.resume(partial);
    if (status.ok()) status = file_.save(partial);  // it is there from now on, though nothing else may follow
  }
  if (status.ok()) status = file_.write(buffer_.get(), size_);
  if (status.ok()) status = file_.save(partial);
  if (status.ok() && last) status = to_.last ? file_.finish() : file_.pause(to_.sync);
  finished_ = status.ok() && last && to_.last;
  ended_ = !status.ok() || last;
  return status;
}

// Of a body that was aborted. The buffer of a job under way was written by it, though nobody has heard of
// that. A file that was finished goes on to be partial, as nobody has heard of that either.
void Ingest::keep_rest() {
  if (under_way_) size_ = 0;
  to_.last = false;
  if (finished_) {
    (void)file_.unfinish();
  } else if (!ended_ && (opened_ || size_ > 0)) {
    (void)append_to_partial(true);
  }
  to_.file.reset();
}

void Ingest::let_go() {
  if (to_.file && finished_) to_.file->finish();
  to_.file.reset();
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
