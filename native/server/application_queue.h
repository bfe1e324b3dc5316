// ApplicationQueue: what the reactors of this process ask the JavaScript application, in batches. The only
// way from the engine to JavaScript; the way back is Reactor::answer().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "server/body_memory.h"
#include "store/sealed_file.h"

namespace sealgate {

// A request there is no plan for.
struct RequestEvent {
  uint64_t request;
  uint32_t mount;  // 0: none covers its path
  std::string method, target, head;
  std::string authority;  // whom it is for, as sent: of an absolute target, else of Host
  bool has_body;
  std::string subject;  // of the client's certificate (RFC 2253); empty without one
  std::string name;     // of the request, for logs
};

struct ReceivedEvent {
  uint64_t request;
  std::string digest, staging;
  uint64_t size;
};

// A body that was received into memory.
struct BodyEvent {
  uint64_t request;
  std::unique_ptr<char[]> bytes;
  size_t size;
  std::shared_ptr<const BodyMemory::Taken>
      memory;  // what the bytes count as, also when their client has gone
};

struct AbortedEvent {
  uint64_t request;
};

struct BrokenEvent {
  std::string digest;
  SealBreak reason;
};

struct ApplicationEvent {
  uint32_t reactor;
  std::variant<RequestEvent, ReceivedEvent, BodyEvent, AbortedEvent, BrokenEvent> what;
};

class ApplicationQueue {
 public:
  // `notify` is called on a reactor's or an I/O thread when the queue stops being empty.
  void connect(std::function<void()> notify) {
    std::lock_guard lock(mutex_);
    notify_ = std::move(notify);
    if (notify_ && !events_.empty()) notify_();
  }

  void push(ApplicationEvent event) {
    std::lock_guard lock(mutex_);
    const bool first = events_.empty();
    events_.push_back(std::move(event));
    if (first && notify_) notify_();
  }

  // All there are, in place of what `out` holds. The same vector each time spares growing one.
  void drain(std::vector<ApplicationEvent>& out) {
    out.clear();
    std::lock_guard lock(mutex_);
    events_.swap(out);
  }

 private:
  std::mutex mutex_;
  std::vector<ApplicationEvent> events_;
  std::function<void()> notify_;
};

}  // namespace sealgate
