// Delivery, the part for bodies that leave in frames, between those of other responses on one connection: it
// hands out the bytes, and the session sends them.
#include <algorithm>
#include <cstring>

#include "server/delivery.h"

namespace sealgate {

// Frames are gathered where the engine or OpenSSL protects them, and where nobody does: they are too short to
// be worth two system calls each.
void Delivery::start_framed(const Channel& channel, SentTraffic& traffic, std::string_view first) {
  start(channel, traffic, first.empty() ? std::string_view("") : first);
  if (path_ != Path::plain_sendfile) return;
  path_ = Path::plain_send;
  traffic_ = &traffic.cell(path_, channel.suite(), response_.plan->file->level());
}

Delivery::Progress Delivery::take(char* to, size_t room, size_t& taken) {
  if (disk_failed_) return Progress::read_failed;
  if (broken_) return Progress::seal_broken;
  if (following_) return take_following(to, room, taken);
  if (!unsent_.empty()) {  // what was read from the disk
    taken = std::min(room, unsent_.size());
    std::memcpy(to, unsent_.data(), taken);
    unsent_.remove_prefix(taken);
    if (unsent_.empty()) kept_.reset();
    return Progress::done;
  }
  switch (gather(to, room, taken)) {
    case Filled::some: return Progress::done;
    case Filled::broken: return Progress::seal_broken;
    case Filled::failed: return Progress::read_failed;
    case Filled::cold: break;
  }
  const Stretch& stretch = stretches_[at_];
  return ask_disk(stretch.offset + within_, std::min<uint64_t>(stretch.length - within_, kFramedReadBytes),
                  true);
}

Delivery::Progress Delivery::take_slice(size_t room, uint64_t* offset, size_t& taken) {
  if (disk_failed_) return Progress::read_failed;
  const Stretch& stretch = stretches_[at_];
  *offset = stretch.offset + within_;
  const uint64_t left = stretch.length - within_;
  taken = std::min<uint64_t>(room, left);
  if (!warmed_ && !resident(*offset, taken))
    return ask_disk(*offset, std::min<uint64_t>(left, kFramedReadBytes), false);
  warmed_ = false;
  if (!intact_to_the_end(taken)) return Progress::seal_broken;
  advance(taken);
  return Progress::done;
}

}  // namespace sealgate
