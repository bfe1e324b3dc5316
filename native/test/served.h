// Served: a reactor on a thread of its own with an application in C++, as small as can be. GETs of what was
// added are delivered or followed, or waited for; PUTs are received, and what they leave is removed once it
// was told. A PUT of /twice is to be received once more then, which no request can be. A POST is received
// into memory and answered with its body; one of /held is taken when the test says so.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <semaphore>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "server/reactor.h"
#include "store/placement.h"
#include "store/staging_file.h"
#include "test/temp_dir.h"

namespace sealgate {

// Makes a blob below the folder.
inline SealedFile::Record add_blob(const TempDir& blobs, std::string_view content,
                                   SealLevel level = SealLevel::l1) {
  const std::string staging = blobs.at("staging");
  write_file(staging, content, 0444);
  HashedBlob hashed;
  Placement placed;
  if (!hash_sealable(staging, SealLevel::l1, &hashed).ok()) std::abort();
  const std::string& digest = hashed.digest;
  const std::string blob = blobs.at(digest.substr(0, 2) + "/" + digest.substr(2, 2) + "/" + digest);
  if (!place_blob(staging, blob, level, &placed).ok()) std::abort();
  return {digest, hashed.size, placed.seal.evidence};
}

inline DeliverPlan plan_to_deliver(const SealedFile::Record& blob) {
  DeliverPlan plan;
  plan.blob = blob;
  plan.content_type = "application/octet-stream";
  plan.fields = {{"Cache-Control", "public, max-age=31536000, immutable"}};
  plan.cache = Epoch{};
  plan.grant = Grant();
  return plan;
}

// A listener on loopback, at any free port, whose socket one reactor has for itself.
inline ListenerOptions on_loopback(bool tls = false) {
  ListeningSockets table;
  ListeningSockets::Wanted wanted;
  std::string failure;
  if (!SocketAddress::parse("127.0.0.1", 0, &wanted.address) || !table.open(wanted, &failure) ||
      !table.listen(&failure))
    std::abort();
  return {.sockets = table.all().front().sockets, .tls = tls};
}

// One mount of all there is, as without configuration.
inline std::vector<Mount> everything() { return {{1, "*", "/", true, {}}}; }

class Served {
 public:
  explicit Served(ReactorOptions options) {
    ::signal(SIGPIPE, SIG_IGN);  // as every runtime does; sendfile(2) cannot be told to
    options.mounts = everything();
    options.blobs = dir_.at("");
    std::string failure;
    reactor_ = Reactor::create(1, std::move(options), engine_, &failure);
    if (!reactor_) std::abort();
    port_ = reactor_->listeners().front().address().port();
    engine_.application.connect([this] { asked_.release(); });
    application_ = std::jthread([this](const std::stop_token& stop) { answer(stop); });
    running_ = std::jthread([this] { reactor_->run(); });
  }
  // The reactor has ended when it is gone.
  ~Served() {
    reactor_->stop(1000);
    running_.join();
    application_.request_stop();
    asked_.release();
    application_.join();
    engine_.application.connect(nullptr);
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  // Before anybody asks for it.
  void add(const std::string& target, std::string_view content) {
    const std::lock_guard lock(mutex_);
    blobs_[target] = add_blob(dir_, content);
  }
  // GETs follow the file, which the test writes.
  void add(const std::string& target, std::shared_ptr<GrowingFile> file) {
    const std::lock_guard lock(mutex_);
    growing_[target] = std::move(file);
  }
  // GETs of what was not added wait for the end of the file that is given last.
  void await(const std::string& target, std::shared_ptr<GrowingFile> file, Grant grant = {},
             int64_t patience = 10'000) {
    const std::lock_guard lock(mutex_);
    awaited_[target] = {std::move(file), patience, {503, {}, "late"}, std::move(grant)};
  }
  // From now on it is absent.
  void forget(const std::string& target) {
    const std::lock_guard lock(mutex_);
    awaited_.erase(target);
  }
  int port() const { return port_; }
  static constexpr size_t kMostInMemory = 100'000;
  const Reactor& reactor() const { return *reactor_; }
  void replace_mounts(std::vector<Mount> mounts) { reactor_->replace_mounts(std::move(mounts)); }
  // The application goes on with a request of /held.
  void let_go() { gate_.release(); }

 private:
  void answer(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      asked_.acquire();
      std::vector<ApplicationEvent> events;
      engine_.application.drain(events);
      const std::lock_guard lock(mutex_);
      for (const ApplicationEvent& event : events) {
        if (const auto* request = std::get_if<RequestEvent>(&event.what))
          reactor_->answer(request->request, plan_for(*request));
        if (const auto* body = std::get_if<BodyEvent>(&event.what)) {
          if (held_.erase(body->request) > 0) gate_.acquire();
          reactor_->answer(body->request, RespondPlan{200, {}, std::string(body->bytes.get(), body->size)});
        }
        if (const auto* received = std::get_if<ReceivedEvent>(&event.what)) {
          ::unlink(received->staging.c_str());
          if (twice_.erase(received->request) > 0) {
            reactor_->answer(received->request, upload());
          } else {
            reactor_->answer(received->request, RespondPlan{201, {}, "stored"});
          }
        }
      }
    }
  }
  Plan plan_for(const RequestEvent& request) {
    if (request.method == "GET" && request.target == "/held") gate_.acquire();
    if (request.target == "/denied") return RespondPlan{401, {}, "denied"};
    if (request.method == "PUT" && request.target == "/twice") twice_.insert(request.request);
    if (request.method == "PUT") return upload();
    if (request.method == "POST" && request.target == "/held") held_.insert(request.request);
    if (request.method == "POST") return ReceivePlan{MemoryTarget{}, kMostInMemory};
    if (const auto growing = growing_.find(request.target); growing != growing_.end())
      return FollowPlan{growing->second, "video/mp4", {}, {}};
    const auto found = blobs_.find(request.target);
    if (found != blobs_.end()) return plan_to_deliver(found->second);
    const auto awaited = awaited_.find(request.target);
    if (awaited != awaited_.end()) return awaited->second;
    return RespondPlan{404, {}, "absent"};
  }

  ReceivePlan upload() { return {StagingTarget{dir_.at("upload" + std::to_string(++uploads_))}, 1 << 30}; }

  TempDir dir_;
  Engine& engine_ = Engine::instance();
  std::unique_ptr<Reactor> reactor_;
  int port_ = 0;
  std::mutex mutex_;
  std::map<std::string, SealedFile::Record> blobs_;
  std::map<std::string, std::shared_ptr<GrowingFile>> growing_;
  std::map<std::string, WaitPlan> awaited_;
  std::set<uint64_t> twice_, held_;
  std::counting_semaphore<> gate_{0};
  int uploads_ = 0;
  std::counting_semaphore<> asked_{0};
  std::jthread application_, running_;
};

}  // namespace sealgate
