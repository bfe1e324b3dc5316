#include "server/staging_writer.h"

#include <algorithm>
#include <utility>

namespace sealgate {
namespace {

// Bytes of a file that is synced when it is placed, under the locks of its name and its digest. A larger one
// takes so long that it is synced before.
constexpr uint64_t kSyncedAfterwards = 1024 * 1024;

}  // namespace

std::shared_ptr<StagingWriter> StagingWriter::start(IoPool& pool, FileTarget to,
                                                    std::optional<uint64_t> length,
                                                    std::function<void()> wake, size_t most) {
  return std::shared_ptr<StagingWriter>(
      new StagingWriter(pool, std::move(to), length, std::move(wake), most));
}

StagingWriter::StagingWriter(IoPool& pool, FileTarget to, std::optional<uint64_t> length,
                             std::function<void()> wake, size_t most)
    : pool_(pool),
      wake_(std::move(wake)),
      length_(length),
      capacity_(std::clamp<uint64_t>(length.value_or(most), 1, most)),
      buffer_(new char[capacity_]) {
  if (auto* const partial = std::get_if<AppendTarget>(&to)) {
    to_ = std::move(*partial);
  } else {
    new_ = std::move(std::get<StagingTarget>(to));
  }
  if (new_.growing && length) new_.growing->expect(*length);
}

// Removes the file of an aborted body, even a finished one: nobody was told of it.
StagingWriter::~StagingWriter() {
  if (!aborted_) return;
  if (to_.file) {
    keep_rest();
  } else if (!new_.path.empty()) {
    file_.discard();
  }
  if (done_) done_();
}

std::span<char> StagingWriter::room() {
  if (waits()) return {};
  return {buffer_.get() + size_, capacity_ - size_};
}

size_t StagingWriter::append(std::string_view bytes) {
  const std::span<char> to = room();
  const size_t taken = std::min(bytes.size(), to.size());
  if (bytes.data() != to.data()) std::copy_n(bytes.data(), taken, to.data());
  size_ += taken;
  received_ += taken;
  if (size_ == capacity_ && received_ != length_) hand_over();  // finish() passes the end
  return taken;
}

void StagingWriter::finish() {
  finishing_ = true;
  hand_over();
}

// A job under way needs the buffer until it is done, and what is not handed over now goes with the next.
void StagingWriter::pass_on() {
  if (new_.growing && size_ > 0) hand_over();
}

// A job under way shares ownership of the writer, so the file is removed when both are done.
void StagingWriter::abort(std::shared_ptr<StagingWriter> writer, std::function<void()> done) {
  writer->aborted_ = true;
  if (writer->new_.growing) writer->new_.growing->fail();
  writer->done_ = std::move(done);
  IoPool& pool = writer->pool_;
  pool.submit([writer = std::move(writer)] {});
}

void StagingWriter::hand_over() {
  if (under_way_ || last_submitted_ || !failure_.ok()) return;
  under_way_ = true;
  last_submitted_ = finishing_;
  pool_.submit([self = shared_from_this(), last = last_submitted_] { self->job(last); });
}

void StagingWriter::job(bool last) {
  job_status_ = to_.file ? append_to_partial(last) : store(last);
  job_done_.store(true, std::memory_order_release);
  wake_();
}

Status StagingWriter::store(bool last) {
  Status status;
  if (!std::exchange(opened_, true)) status = open_new();
  if (status.ok() && !aborted_) status = file_.write(buffer_.get(), size_);
  if (status.ok() && !aborted_ && new_.growing) new_.growing->grow(file_.size());
  if (status.ok() && last && !aborted_) status = end_file();
  if (!status.ok() || aborted_) file_.discard();
  return status;
}

// The upload goes on without readers when the file cannot be opened for them.
Status StagingWriter::open_new() {
  const Status status = file_.open(new_.path, length_.value_or(0), new_.digests);
  if (status.ok() && new_.growing && !new_.growing->open(new_.path).ok()) new_.growing->fail();
  return status;
}

Status StagingWriter::end_file() {
  const Status synced = file_.size() > kSyncedAfterwards ? file_.sync() : Status{};
  return synced.ok() ? file_.finish() : synced;
}

// Saves the state after each buffer, so that bytes that arrived count even when a later buffer fails.
Status StagingWriter::append_to_partial(bool last) {
  PartialFile& partial = *to_.file;
  Status status;
  if (!std::exchange(opened_, true)) {
    status = file_.resume(partial);
    if (status.ok()) status = file_.save(partial);  // the file exists from now on, even if nothing follows
  }
  if (status.ok()) status = file_.write(buffer_.get(), size_);
  if (status.ok()) status = file_.save(partial);
  if (status.ok() && last && (to_.last ? file_.size() > kSyncedAfterwards : to_.sync)) {
    status = file_.sync();
    if (!status.ok()) partial.lose();
  }
  if (status.ok() && last) status = to_.last ? file_.finish() : file_.pause();
  finished_ = status.ok() && last && to_.last;
  ended_ = !status.ok() || last;
  return status;
}

// Keeps what has arrived of an aborted body. If a job was under way it has written the buffer already. A
// finished file becomes partial again, because nobody was told that it is finished.
void StagingWriter::keep_rest() {
  if (under_way_) size_ = 0;
  to_.last = false;
  if (finished_) {
    (void)file_.unfinish();
  } else if (!ended_ && (opened_ || size_ > 0)) {
    (void)append_to_partial(true);
  }
  to_.file.reset();
}

void StagingWriter::let_go() {
  if (to_.file && finished_) to_.file->finish();
  to_.file.reset();
  if (!new_.growing) return;
  new_.growing->received();
  new_.growing.reset();
}

bool StagingWriter::settle() {
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
