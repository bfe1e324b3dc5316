// Exchange, the part that answers: makes a response out of a plan or a refusal.
#include <algorithm>
#include <utility>

#include "base/json.h"
#include "server/cors.h"
#include "server/exchange.h"
#include "server/transport.h"

namespace sealgate {
namespace {

constexpr std::string_view kCacheStatusField = "Cache-Status";
constexpr std::string_view kHit = "sealgate; hit";
constexpr int kTriesToOpen = 4;  // attempts to open a file while kept plans are closed to make room

// Why a file was found broken. When its inode is as recorded, it is the content.
SealBreak break_of(const SealedFile& file) {
  const SealBreak why = file.recheck();
  return why == SealBreak::none ? SealBreak::content : why;
}

// The fields of a plan that are also those of a refusal: all but how long its content may be kept.
ResponseFields fields_of_refusal(const Described& plan) {
  ResponseFields out = plan.fields;
  std::erase_if(out, [](const auto& field) {
    return field.first == "Cache-Control" || field.first == "Expires" || field.first == "Sunset";
  });
  return out;
}

bool is_problem(const ResponseFields& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const auto& field) {
    return field.first == "Content-Type" && field.second == "application/problem+json";
  });
}

// Says in a problem document which request it is about (RFC 9457 3.2): what is complained of is often all
// that somebody kept of an answer.
void append_member(std::string& document, std::string_view request_id) {
  if (!document.ends_with("}\n")) return;
  document.resize(document.size() - 2);
  document.append(",\"request\":");
  append_json(document, request_id);
  document.append("}\n");
}

}  // namespace

// --- to deliver ---

// Opens the file of a plan to deliver. If the kernel would have to read its inode from the disk, the I/O
// pool opens it.
void Exchange::open(DeliverPlan given) {
  const auto plan = std::make_shared<OpenedPlan>();
  plan->plan = std::move(given);
  const std::shared_ptr<const BlobFolder>& blobs = reactor_.blobs();
  SealedFile::Sealing sealing = blobs->seal(plan->plan.blob, SealedFile::Wait::never);
  for (int tries = 0; sealing.crowded && tries < kTriesToOpen && reactor_.make_room(); tries++) {
    sealing = blobs->seal(plan->plan.blob, SealedFile::Wait::never);
  }
  if (!sealing.cold) return on_sealed(plan, std::move(sealing));
  reactor_.mutable_counters().cold_opens.add();
  holds_ = true;
  disk_ = reactor_.tickets().issue(*this);
  Reactor& reactor = reactor_;
  auto job = [&reactor, blobs, mailbox = reactor_.mailbox(), ticket = disk_.what(), plan] {
    SealedFile::Sealing sealed = blobs->seal(plan->plan.blob, SealedFile::Wait::allowed);
    mailbox->post([&reactor, ticket, plan, sealed = std::move(sealed)] {
      if (Exchange* const exchange = reactor.tickets().find(ticket)) exchange->on_opened(plan, sealed);
    });
  };
  reactor_.engine().io.submit(std::move(job));
}

void Exchange::on_opened(std::shared_ptr<OpenedPlan> plan, SealedFile::Sealing sealing) {
  disk_.end();
  on_sealed(std::move(plan), std::move(sealing));
  session_->resume(*this);
}

void Exchange::on_sealed(std::shared_ptr<OpenedPlan> plan, SealedFile::Sealing sealing) {
  if (!sealing.file) return prove_again(plan->plan.blob.digest, sealing.why);
  reactor_.mutable_counters().opens[sealing.file->level()].add();
  const SealFloor& floor = plan->plan.floor;
  if (floor.refuse && sealing.file->level() < floor.level) return refuse(Problem::seal_too_low);
  plan->file = std::move(sealing.file);
  plan->plan.blob = {};  // OpenedPlan::file has the same
  plan->kept = keep(plan);
  if (room_) [[unlikely]]
    share(plan);
  deliver(std::move(plan), Sealed::just_now);
}

// A plan that depends on codings is kept only where the engine looks at those of each request.
bool Exchange::keep(const std::shared_ptr<const OpenedPlan>& plan) {
  if (key_.mount == 0 || !may_keep_plan() || !plan->plan.keepable()) return false;
  if (!plan->plan.codings) key_.codings = 0;
  if (plan->plan.codings != (key_.codings != 0)) return false;
  if (!room_) return reactor_.plans().offer(key_, plan);
  reactor_.plans().insert(key_, plan);  // what many wait for is asked for again
  return true;
}

void Exchange::deliver(std::shared_ptr<const OpenedPlan> plan, Sealed sealed) {
  const bool for_all = plan->kept && asks_for_all(request_) && (!cors_ || cors_->same_for(request_)) &&
                       (!transport_->names_requests() || !named_by_client());
  const bool in_memory = for_all && plan->answer && plan->answer->has_body;
  if (in_memory && session_->repeat(*this, plan)) return;
  const Answering& answering = reactor_.answering();
  Response& response = delivery_.response();  // the exchange has just begun, so it is empty
  ReadBody read = ReadBody::not_tried;
  if (for_all && !plan->answer && plan->file->size() <= answering.small_body)
    read = read_body(*plan->file, response.memory);
  SealBreak why = SealBreak::none;
  if (read == ReadBody::broken) {
    why = break_of(*plan->file);
  } else if (sealed == Sealed::earlier) {
    why = plan->file->recheck();
  }
  if (why != SealBreak::none) {
    response.memory.clear();
    reactor_.mutable_counters().seal_broken.add();
    return prove_again(plan->file->digest(), why);
  }
  if (for_all && plan->answer && !in_memory && session_->repeat(*this, plan)) return;
  response.plan = std::move(plan);
  name_response();
  const Content content = content_of(*response.plan, answering.now);
  const Problem problem = build_delivery(request_, content, answering, response);
  add_cors();
  const bool says = says_cache_status();
  if (says) response.head.add(kCacheStatusField, kHit);  // in the text that is kept
  if (read == ReadBody::done && !response.body.empty()) response.body[0].kind = BodySource::Kind::memory;
  // A small body is kept at once. A large response has only its head kept, and that when it is asked for
  // again. An answer that is kept already stays, because other exchanges may be sending it.
  const bool worth_keeping =
      read == ReadBody::done || (read == ReadBody::not_tried && sealed == Sealed::earlier);
  if (for_all && worth_keeping && !response.plan->answer && session_->keep(*this))
    reactor_.plans().grew(key_);
  if (says) response.head.replace_last(cache_status(response.plan->kept));
  send_delivery(problem, content);
}

// Answers what needs no byte of a blob while its file is being proved, from what is recorded.
void Exchange::describe(const DescribePlan& plan) {
  const Answering& answering = reactor_.answering();
  Response& response = delivery_.response();
  response.clear();
  name_response();
  const std::string etag = "\"" + plan.digest + "\"";
  const Content content{plan, {etag, plan.size, plan.date_at(answering.now)}};
  const Problem problem = build_delivery(request_, content, answering, response);
  add_cors();
  if (says_cache_status()) response.head.add(kCacheStatusField, cache_status(false));
  if (response.body_in_file() > 0) return respond(plan.otherwise);
  send_delivery(problem, content);
}

void Exchange::send_delivery(Problem problem, const Content& content) {
  if (problem == Problem::none) return session_->respond(*this);
  ResponseFields fields = fields_of_refusal(content.described);
  if (problem == Problem::range_unsatisfiable)
    fields.emplace_back("Content-Range", "bytes */" + std::to_string(content.representation.size));
  refuse(problem, std::move(fields));
}

// The file does not match its record, or changed since its plan was made. The application proves the blob
// anew or withdraws it, and is then asked once more; not after a body, which it could not get a second
// time.
void Exchange::prove_again(std::string_view digest, SealBreak why) {
  report_broken(digest, why);
  if (std::exchange(asked_again_, true) || body_ended_)
    return refuse(out_of_reach(why) ? Problem::store_read_failed : Problem::seal_broken);
  ask_application();
}

void Exchange::report_broken(std::string_view digest, SealBreak why) {
  reactor_.plans().erase(key_);
  reactor_.tell_application({reactor_.id(), BrokenEvent{std::string(digest), why}});
}

// --- to respond ---

void Exchange::respond(RespondPlan plan) {
  Response& response = delivery_.response();
  response.clear();
  name_response();
  if (!response.request_id.empty() && is_problem(plan.fields)) append_member(plan.body, response.request_id);
  const bool head_only = readable() && request_.method == Method::head;
  build_respond(plan.status, plan.fields, std::move(plan.body), head_only, reactor_.answering(), response);
  add_cors();
  if (says_cache_status()) response.head.add(kCacheStatusField, cache_status(false));
  session_->respond(*this);
}

bool Exchange::says_cache_status() const {
  return readable() && reactor_.mounts().says_cache_status(key_.mount);
}

// The cache is that of plans: what is forwarded goes to the application. Its name is that of the product,
// since one server has it in each worker.
std::string_view Exchange::cache_status(bool stored) const {
  switch (forwarded_) {
    case Forwarded::no: break;
    case Forwarded::miss: return stored ? "sealgate; fwd=miss; stored" : "sealgate; fwd=miss";
    case Forwarded::stale: return stored ? "sealgate; fwd=stale; stored" : "sealgate; fwd=stale";
    case Forwarded::method: return "sealgate; fwd=method";
    case Forwarded::collapsed: return "sealgate; fwd=miss; collapsed";
  }
  return kHit;
}

void Exchange::name_response() {
  std::string& id = delivery_.response().request_id;
  if (reactor_.options().request_ids.send)
    id = request_name();
  else
    id.clear();
}

// Before the answer is kept: what depends on the origin is not kept (deliver()).
void Exchange::add_cors() {
  if (cors_) cors_->add_to(delivery_.response().head, request_);
}

void Exchange::refuse(Problem problem, ResponseFields fields) {
  if (room_) leave_room();  // another one asks
  reactor_.mutable_counters().problems[problem].add();
  const RespondPlan& answer = reactor_.options().problems[static_cast<size_t>(problem)];
  fields.insert(fields.begin(), answer.fields.begin(), answer.fields.end());
  respond({answer.status, std::move(fields), answer.body});
}

void Exchange::refuse_and_close(Problem problem) {
  give_back();
  ends_connection_ = true;
  if (!readable()) serial_ = reactor_.next_serial();
  refuse(problem);
}

void Exchange::refuse_rest(Problem problem) {
  if (!is_from_encoder()) return refuse_and_close(problem);
  give_back();
  refuse(problem);
}

void Exchange::read_from_disk() {
  reactor_.mutable_counters().cold_reads.add();
  holds_ = true;
  disk_ = reactor_.tickets().issue(*this);
  Reactor& reactor = reactor_;
  reactor_.engine().io.submit(
      [&reactor, mailbox = reactor_.mailbox(), ticket = disk_.what(), read = delivery_.disk_read()] {
        read->run();
        mailbox->post([&reactor, ticket] {
          if (Exchange* const exchange = reactor.tickets().find(ticket)) exchange->on_disk_read();
        });
      });
}

void Exchange::on_disk_read() {
  disk_.end();
  delivery_.disk_done();
  session_->resume(*this);
}

void Exchange::on_broken() {
  reactor_.mutable_counters().seal_broken.add();
  const SealedFile& file = *delivery_.response().plan->file;
  report_broken(file.digest(), break_of(file));
  cut_by_server_ = true;
}

void Exchange::on_unreadable() {
  reactor_.mutable_counters().problems[Problem::store_read_failed].add();
  // The application reads all of it, and refuses the next requests if the disk still fails.
  if (const auto& plan = delivery_.response().plan) report_broken(plan->file->digest(), SealBreak::content);
  cut_by_server_ = true;
}

}  // namespace sealgate
