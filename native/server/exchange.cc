#include "server/exchange.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "http/accepted_codings.h"
#include "server/transport.h"
#include "server/url_signature.h"

namespace sealgate {
namespace {

// An unused exchange keeps memory for a head and a response up to this size.
constexpr size_t kKeptBytes = 4096;

// Its credentials are not, or no longer, good for what it asks for.
bool refuses_its_sender(const Plan& plan) {
  const auto* const respond = std::get_if<RespondPlan>(&plan);
  return respond && (respond->status == 401 || respond->status == 403);
}

}  // namespace

void Exchange::end() {
  if (holds_) {
    room_.end();
    charge_bytes();
    give_back();
  }
  if (request_.bytes.capacity() > kKeptBytes) free_memory(request_.bytes);
  delivery_.reset();
  if (delivery_.head().capacity() > kKeptBytes) free_memory(delivery_.head());
  if (delivery_.response().memory.capacity() > kKeptBytes) free_memory(delivery_.response().memory);
  head_at_ = first_byte_at_ = 0;
  if (key_memory_.capacity() > kKeptBytes) free_memory(key_memory_);
  if (cors_) cors_.reset();
  body_bytes_ = 0;
  stage_ = Stage::reading;
  admission_ = Admission::open;
  forwarded_ = Forwarded::no;
  body_ended_ = ends_connection_ = cut_by_server_ = asked_again_ = false;
}

// Gives back all server resources that it holds, but for its place with those that wait for the same answer.
// A body that was not handed over is discarded.
void Exchange::give_back() {
  sink_.reset();
  if (at_application_) reactor_.keep_place(asked_.what(), std::move(at_application_));
  asked_.end();
  disk_.end();
  growth_.end();
  if (!room_) grown_.end();
  follow_later_.reset();
  delivery_.end_follow();
  holds_ = charges_ != nullptr || room_;
}

// What has passed is charged, whether it was all or not.
void Exchange::charge_bytes() {
  if (!charges_) return;
  charges_->charge(reactor_.engine().rates, delivery_.bytes_sent(), monotonic_us() * 1000);
  charges_.reset();
}

std::string_view Exchange::client_address(std::string& memory) const {
  const Forwarding& forwarding = reactor_.forwarding();
  if (!forwarding.trusts_anybody() || !readable()) return transport_->peer();
  return memory = forwarding.client_of(transport_->peer(), request_.head);
}

size_t Exchange::client() const {
  if (!reactor_.forwarding().trusts_anybody()) return transport_->client();
  std::string memory;
  return client_at(client_address(memory));
}

// --- what is to be done ---

void Exchange::set_key(const Mount& mount) {
  const uint32_t codings = key_.codings;
  key_ = plan_key(mount, request_.target, key_memory_);
  key_.codings = codings;
}

// Where a mount has answers in several codings, one in a single coding is found under a key without them.
inline const std::shared_ptr<const OpenedPlan>* Exchange::plan_under_key() {
  const auto* plan = reactor_.plans().find(key_);
  if (plan || key_.codings == 0) return plan;
  const PlanKey single{key_.mount, 0, key_.text};
  plan = reactor_.plans().find(single);
  if (plan) key_ = single;
  return plan;
}

// Most requests come here, and the call would cost them.
[[gnu::always_inline]] inline const std::shared_ptr<const OpenedPlan>* Exchange::find_plan(const Mount& mount,
                                                                                           const Held& held) {
  const auto* plan = plan_under_key();
  if (!plan) {
    set_key(mount);
    if (key_.text.size() < request_.target.size()) plan = plan_under_key();
  }
  return plan && held.has(*(*plan)->plan.grant) ? plan : nullptr;
}

// False: it has no grant, or nobody knows.
[[gnu::always_inline]] inline bool Exchange::find_held(const Mount& mount, Held* out) {
  if (mount.open_reads) return true;
  const GrantTable* const grants = reactor_.grants();
  if (!grants) return false;
  *out = transport_->credentials().held(*grants, request_.field(Field::authorization),
                                        transport_->channel().peer_subject(), reactor_.answering().now);
  return out->any();
}

// The request's grants come first: for a client without any, not even the response time may depend on
// which plans are kept.
[[gnu::always_inline]] inline const std::shared_ptr<const OpenedPlan>* Exchange::kept_plan(
    const Mount& mount) {
  Held held;
  return find_held(mount, &held) ? find_plan(mount, held) : nullptr;
}

// What it may have now, by its credentials or the signature of its URL.
[[gnu::noinline]] bool Exchange::find_grants(const Mount& mount, Held* out) {
  if (admission_ != Admission::is_signed) return find_held(mount, out);
  out->by_signature = &mount.access->signing()->grants;
  return true;
}

// For what somebody waits already the application is not asked again. False: nobody does.
[[gnu::noinline]] bool Exchange::join_room(const Mount& mount) {
  if (reactor_.waiting_rooms().empty() || !request_.only_reads() || refuses(admission_)) return false;
  Held held;
  return find_grants(mount, &held) && wait_with_others(held);
}

void Exchange::on_head() {
  Counters& counters = reactor_.mutable_counters();
  counters.requests.add();
  asked_at_ = head_at_ = monotonic_us();
  serial_ = reactor_.next_serial();
  const Mount* const mount = reactor_.mounts().find(request_.field(Field::host), request_.target);
  site_ = mount ? mount->totals : nullptr;
  if (!mount) {
    key_ = {};
    if (!within_limits(nullptr)) return;
    return ask_application();
  }
  if (mount->cors) cors_ = mount->cors;
  if (mount->guarded) [[unlikely]]
    return on_guarded_head(*mount);
  // A target without a query is its own key, which needs no memory. Most targets have none.
  key_ = {mount->id, mount->codings ? acceptable_codings(request_) : 0, request_.target};
  if (request_.only_reads()) {
    if (const auto* const plan = kept_plan(*mount)) {
      counters.plan_hits.add();
      return deliver(*plan, Sealed::earlier);
    }
  }
  set_key(*mount);
  if (!join_room(*mount)) ask_application();
}

// False: the request was refused, as one more than a limit lets through. Fetches of the server's own do not
// count, nor does what balancers ask.
[[gnu::noinline]] bool Exchange::within_limits(const Mount* mount) {
  const RateLimits& limits = reactor_.rate_limits();
  if (limits.empty() || transport_->moves().group() == Group::sentinel) return true;
  const std::string_view path = request_.target.substr(0, request_.target.find('?'));
  if (path == reactor_.options().health_path) return true;
  std::string memory;
  const RateVisit visit{client_address(memory), mount ? std::string_view(mount->name) : std::string_view(),
                        request_.field(Field::authorization)};
  const auto excess = limits.judge(reactor_.engine().rates, visit, head_at_ * 1000, &charges_);
  if (!excess) return holds_ = charges_ != nullptr, true;
  admission_ = Admission::rate_limited;
  key_ = {mount ? mount->id : 0, 0, {}};
  key_memory_ = excess->limit->name;
  Counters& counters = reactor_.mutable_counters();
  (excess->limit->of == RateOf::bytes ? counters.limited_by_bytes
                                      : counters.limited_by_requests)[excess->limit->by]
      .add();
  refuse(Problem::rate_limited, {{"Retry-After", std::to_string(excess->seconds)},
                                 {"RateLimit-Policy", excess->policy()},
                                 {"RateLimit", excess->field()}});
  return false;
}

// By the limits and the access rule of the mount. What was signed is then asked for as if it had no
// signature, so that all signatures share a kept plan, and logs have none.
[[gnu::noinline]] void Exchange::on_guarded_head(const Mount& mount) {
  if (!within_limits(&mount)) return;
  if (mount.access) judge(mount);
  key_ = {mount.id, mount.codings ? acceptable_codings(request_) : 0, request_.target};
  if (request_.only_reads() && !refuses(admission_)) {
    const auto* const plan = admission_ == Admission::is_signed
                                 ? find_plan(mount, {.by_signature = &mount.access->signing()->grants})
                                 : kept_plan(mount);
    if (plan) {
      reactor_.mutable_counters().plan_hits.add();
      return deliver(*plan, Sealed::earlier);
    }
  }
  set_key(mount);
  if (!join_room(mount)) ask_application();
}

void Exchange::judge(const Mount& mount) {
  std::string memory;
  const Credentials::Visit visit{request_.target,
                                 mount.path.size(),
                                 request_.method,
                                 client_address(memory),
                                 reactor_.forwarding().trusts_anybody(),
                                 reactor_.answering().now};
  admission_ = transport_->credentials().judge(*mount.access, reactor_.last_grants(), visit);
  if (admission_ == Admission::is_signed) {
    char* const target = request_.bytes.data() + (request_.target.data() - request_.bytes.data());
    request_.target = {target, strip_url_signature(target, request_.target.size(), mount.path.size())};
  }
}

void Exchange::ask_application() {
  reactor_.mutable_counters().plan_misses.add();
  forwarded_ = !request_.only_reads()           ? Forwarded::method
               : reactor_.plans().found_stale() ? Forwarded::stale
                                                : Forwarded::miss;
  stage_ = Stage::waiting;
  session_->wait(*this);
  holds_ = true;
  asked_ = reactor_.tickets().issue(*this);
  RequestEvent event{asked_.what(),
                     key_.mount,
                     key_.codings,
                     std::string(request_.method_name),
                     std::string(request_.target),
                     std::string(request_.head),
                     std::string(request_.field(Field::host)),
                     request_.has_body,
                     transport_->channel().peer_subject(),
                     request_name(),
                     std::string(admission_name(admission_))};
  reactor_.ask_application(*this, {reactor_.id(), std::move(event)});
}

void Exchange::on_answer(Plan plan) {
  if (stage_ != Stage::waiting) return;  // the body is arriving, and nothing was asked since
  if (at_application_)
    reactor_.mutable_counters().application_time.observe(monotonic_us() - (room_ ? asked_at_ : head_at_));
  at_application_.end();
  if (auto* const receive_plan = std::get_if<ReceivePlan>(&plan)) {
    receive(std::move(*receive_plan));
  } else {
    give_back();
    const bool is_for_all =
        !std::holds_alternative<DeliverPlan>(plan) && !std::holds_alternative<WaitPlan>(plan);
    if (room_ && refuses_its_sender(plan)) {
      leave_room();  // the next one asks: what this one may not get others may
    } else if (room_ && is_for_all) {
      share(plan);
    }
    carry_out(std::move(plan));
  }
  session_->resume(*this);
}

void Exchange::carry_out(Plan plan) {
  if (auto* const deliver_plan = std::get_if<DeliverPlan>(&plan)) {
    open(std::move(*deliver_plan));
  } else if (const auto* const describe_plan = std::get_if<DescribePlan>(&plan)) {
    describe(*describe_plan);
  } else if (auto* const respond_plan = std::get_if<RespondPlan>(&plan)) {
    respond(std::move(*respond_plan));
  } else if (auto* const follow_plan = std::get_if<FollowPlan>(&plan)) {
    follow(std::move(*follow_plan));
  } else if (auto* const wait_plan = std::get_if<WaitPlan>(&plan)) {
    wait_in_room(std::move(*wait_plan));
  }
}

// --- its clock ---

uint64_t Exchange::progress() const {
  return transport_->sent() + delivery_.bytes_sent() + (sink_ ? sink_->received() : 0);
}

uint64_t Exchange::moved() const { return progress() - std::min(progress(), progress_mark_); }

// Bytes that the peer has not acknowledged do not count: the kernel's buffer takes them in steps of a
// third of its size, which says little about a slow reader.
bool Exchange::made_progress() {
  const uint64_t total = progress() - std::min(progress(), transport_->channel().unacknowledged());
  const auto window = static_cast<uint64_t>(reactor_.options().stall_timeout);
  const bool enough = total >= progress_mark_ + reactor_.options().min_rate * window / 1000;
  progress_mark_ = total;
  return enough;
}

}  // namespace sealgate
