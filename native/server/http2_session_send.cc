// Http2Session, the part that sends: heads by nghttp2, which also says whose turn it is and how many bytes
// the next frame may have; bodies past it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "server/http2_response.h"
#include "server/http2_session.h"

namespace sealgate {

void Http2Session::respond(Exchange& exchange) {
  Http2Fields fields;
  fields.set(exchange.delivery().response().head);
  send(exchange, fields, {});
}

bool Http2Session::keep(Exchange& exchange) {
  const Response& response = exchange.delivery().response();
  response.plan->answer = keep_answer(response, reactor_.answering());
  return true;
}

bool Http2Session::repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) {
  auto& answer = static_cast<Http1Answer&>(*plan->answer);
  if (!answer.renew(plan->plan, reactor_.answering())) return false;
  if (answer.number != 0) exchange.write_number(answer.text.data() + answer.number);
  if (!answer.fields) {
    answer.fields = std::make_shared<const KeptFields>(answer);
    exchange.on_answer_grown();
  }
  Response& response = exchange.delivery().response();
  response.head.status = 200;
  if (!answer.has_body) response.body.push_back({BodySource::Kind::sealed_file, 0, plan->file->size()});
  response.plan = std::move(plan);
  send(exchange, *answer.fields, answer.fields->body());
  return true;
}

void Http2Session::send(Exchange& exchange, const Http2Fields& fields, std::string_view first) {
  Http2Stream& stream = *exchange.stream;
  drop_held(stream);
  Channel& channel = transport_.channel();
  if (exchange.readable() && !exchange.request().has_body) channel.send_tickets();
  const uint64_t size = first.size() + exchange.delivery().response().body_size();
  transport_.moves().before(Direction::tx, size);
  exchange.start_sending_framed(channel, first);
  transport_.set_path(exchange.delivery().path());
  nghttp2_data_provider body{{.ptr = &stream},
                             [](nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                                nghttp2_data_source* source, void* user) {
                               return static_cast<Http2Session*>(user)->next_frame(
                                   *static_cast<Http2Stream*>(source->ptr), most, flags);
                             }};
  stream.answered = true;
  set_state(stream, State::sending);
  if (lost_) return;  // nobody hears it
  const auto& list = fields.list();
  if (nghttp2_submit_response(h2_.get(), stream.id, list.data(), list.size(), size > 0 ? &body : nullptr) !=
      0)
    nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
}

// Takes the bytes for a frame of up to `most` bytes. Those that are gathered are put behind the room for its
// header, which queue_frame() is given next.
ssize_t Http2Session::next_frame(Http2Stream& stream, size_t most, uint32_t* flags) {
  Delivery& delivery = stream.exchange->delivery();
  const size_t room = std::min(most, Http2Limits::kFrameBytes);
  size_t taken = 0;
  Delivery::Progress progress;
  next_ = {};
  if (delivery.next_in_file()) {
    progress = delivery.take_slice(room, &next_.offset, taken);
    next_.file = delivery.response().plan->file;
  } else {
    progress = delivery.take(output_.room().data() + kFrameHeaderBytes, room, taken);
  }
  switch (progress) {
    case Delivery::Progress::done: break;
    case Delivery::Progress::caught_up:
      if (!stream.exchange->wait_for_growth()) return next_frame(stream, most, flags);
      stream.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    case Delivery::Progress::upload_failed:
      stream.exchange->on_upload_failed();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    case Delivery::Progress::wants_disk:
      stream.deferred = true;
      stream.exchange->read_from_disk();
      return NGHTTP2_ERR_DEFERRED;
    case Delivery::Progress::seal_broken:
      stream.exchange->on_broken();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    default: stream.exchange->on_unreadable(); return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (delivery.all_taken()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(taken);
}

int Http2Session::queue_frame(std::string_view header, size_t bytes) {
  if (next_.file) {
    output_.add(header);
    output_.add_file(std::move(next_.file), next_.offset, bytes);
  } else {
    std::memcpy(output_.room().data(), header.data(), header.size());
    output_.add_written(header.size() + bytes);
  }
  return may_gather() ? 0 : NGHTTP2_ERR_PAUSE;
}

// Fills the output with frames as they come by priority. False: nghttp2 can go on no more.
bool Http2Session::gather() {
  output_.begin(reactor_.record_buffers().plaintext.get());
  while (may_gather()) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(h2_.get(), &bytes);
    if (size < 0) return false;
    if (size == 0) return true;
    output_.add({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
  return true;
}

// Notes which responses have left.
void Http2Session::note_written() {
  while (!frames_.empty() && frames_.front().end <= output_.written()) {
    const Frame frame = frames_.front();
    frames_.pop_front();
    if (!frame.stream) continue;
    Exchange& exchange = *frame.stream->exchange;
    exchange.delivery().count_framed(frame.bytes);
    usefulness_.useful(frame.bytes);
    const int64_t now = exchange.time_first_byte();
    if (!frame.last) continue;
    exchange.on_sent(now != 0 ? now : monotonic_us());
    frame.stream->sent = true;
    if (frame.stream->closed)
      remove(*frame.stream);
    else
      set_state(*frame.stream, State::lingering);
  }
}

}  // namespace sealgate
