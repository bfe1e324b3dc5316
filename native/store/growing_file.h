// GrowingFile: a file that is read while it is written: its length so far, whether it became whole, and who
// is to be woken when it has grown. The writer appends and never rewrites, so what a reader has seen stays.
// Readers copy from the page cache by one descriptor for all of them; nothing of it may be sent by
// sendfile(2), because it is not sealed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class GrowingFile {
 public:
  // whole: its bytes are what was promised, and no more follow. failed: its readers must not take what they
  // have for the whole.
  enum class State : uint8_t { growing, whole, failed };

  GrowingFile() = default;
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  // --- for readers, on any thread ---
  // Read it before length(): of a file that is whole, the length is the last.
  State state() const { return state_.load(std::memory_order_acquire); }
  uint64_t length() const { return length_.load(std::memory_order_acquire); }
  // Bytes that it will have if it becomes whole; 0: not known.
  uint64_t expected() const { return expected_.load(std::memory_order_acquire); }
  // What length() bytes are read from; there is one when that is more than 0.
  int fd() const { return readable_.get(); }
  bool always_resident() const { return resident_; }  // no read of it waits for a disk (page_cache.h)
  // `wake` is called once, on any thread, when there are more than `seen` bytes or the file has ended. False:
  // that is so already, and it will not be called.
  bool when_grown(uint64_t seen, std::function<void()> wake);

  // --- for the application, on any thread; the first of the two counts ---
  void finish() { end(State::whole); }
  void fail() { end(State::failed); }

  // --- for its one writer, on any thread ---
  // Takes the right to write. The file fails when that ends before received(). Null: somebody had it before.
  static std::shared_ptr<GrowingFile> claim(const std::shared_ptr<GrowingFile>& file);
  void expect(uint64_t bytes) { expected_.store(bytes, std::memory_order_release); }
  // Opens what is written at this path for readers; call it, or adopt(), before grow().
  Status open(const std::string& path);
  // What is written by another process.
  void adopt(Fd readable);
  // So many bytes are in the file.
  void grow(uint64_t length);
  // All bytes are in the file: what becomes of it is for the application to say.
  void received() { received_.store(true, std::memory_order_release); }

 private:
  struct Wake {
    uint64_t seen;
    std::function<void()> call;
  };
  using Wakes = std::vector<Wake>;

  void end(State state);
  static void wake_all(const Wakes& wakes);

  std::atomic<State> state_{State::growing};
  std::atomic<uint64_t> length_{0}, expected_{0};
  std::atomic<bool> claimed_{false}, received_{false};
  // Set before the length is more than 0, and never again.
  Fd readable_;
  bool resident_ = false;
  std::mutex mutex_;
  Wakes wakes_;
};

}  // namespace sealgate
