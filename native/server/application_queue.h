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
#include "store/further_digests.h"
#include "store/sealed_file.h"

namespace sealgate {

// Asks the application for a plan.
struct RequestEvent {
  uint64_t request;
  uint32_t mount;    // id of the mount; 0: no mount covers the path
  uint32_t codings;  // accepted_codings(); 0: the mount's answers have one coding
  std::string method, target, head;
  std::string authority;  // host and port as sent: of an absolute target, else of Host
  bool has_body;
  std::string subject;  // of the client's certificate (RFC 2253); empty without one
  std::string name;     // the request's name in logs
  std::string access;   // admission_name()
};

struct ReceivedEvent {
  uint64_t request;
  std::string digest, staging;
  uint64_t size;
  NamedDigests digests;  // besides SHA-256: those that the plan wanted
};

// A body that was received into memory.
struct BodyEvent {
  uint64_t request;
  std::unique_ptr<char[]> bytes;
  size_t size;
  std::shared_ptr<const BodyMemory::Taken>
      memory;  // the body's part of BodyMemory, held until the application has taken the bytes
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
  // `notify` is called when an empty queue gets its first event, on the thread that pushed it.
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

  // Moves all waiting events to `out`, whose old contents are dropped. The caller passes the same vector
  // each time, so that it need not grow again.
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
