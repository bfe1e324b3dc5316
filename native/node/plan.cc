#include "node/plan.h"

#include "http/request_syntax.h"
#include "node/growing_file.h"
#include "node/options.h"
#include "node/partial_file.h"
#include "server/body_memory.h"

namespace sealgate::addon {
namespace {

bool is_one_line(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

// What is sent between the head of a response and its body is the application's only in these pairs: a value
// cannot begin another field, or end the head.
std::pair<std::string, std::string> response_field(const Napi::Value& given) {
  const napi_env env = given.Env();
  napi_value first, second;
  std::string name, value;
  const bool are_texts = napi_get_element(env, given, 0, &first) == napi_ok &&
                         napi_get_element(env, given, 1, &second) == napi_ok &&
                         read_text(env, first, &name) && read_text(env, second, &value);
  if (!are_texts) throw Napi::TypeError::New(env, "fields: expected pairs of name and value");
  if (!is_token(name) || !is_one_line(value))
    throw Napi::TypeError::New(given.Env(), "fields: a name or value that HTTP cannot have: " + name);
  return {std::move(name), std::move(value)};
}

std::string field_value(const Napi::Object& given, const char* name) {
  std::string value = text(given, name);
  if (!is_one_line(value))
    throw Napi::TypeError::New(given.Env(), std::string(name) + ": a value that HTTP cannot have");
  return value;
}

ResponseFields field_list(const Napi::Array& list) {
  ResponseFields out;
  const uint32_t length = list.Length();
  out.reserve(length);
  for (uint32_t i = 0; i < length; i++) out.push_back(response_field(list.Get(i)));
  return out;
}

Described described(const Napi::Object& given) {
  Described out;
  if (!given.Get("status").IsUndefined()) out.status = static_cast<int>(number(given, "status"));
  out.content_type = text(given, "contentType");
  out.fields = response_fields(given);
  if (const Napi::Value more = given.Get("contentFields"); more.IsArray())
    out.content_fields = field_list(more.As<Napi::Array>());
  if (!given.Get("reprDigest").IsUndefined()) out.repr_digest = field_value(given, "reprDigest");
  out.last_modified = static_cast<int64_t>(number(given, "lastModified"));
  return out;
}

SealedFile::Record seal_record(const Napi::Object& given) {
  return {text(given, "digest"), static_cast<uint64_t>(number(given, "size")), text(given, "evidence")};
}

Plan deliver_plan(const Napi::Object& given) {
  DeliverPlan plan{described(given), seal_record(object(given, "blob"))};
  if (const Napi::Value value = given.Get("cache"); value.IsObject()) {
    const auto cache = value.As<Napi::Object>();
    plan.cache =
        Epoch{static_cast<uint32_t>(number(cache, "slot")), static_cast<uint64_t>(number(cache, "epoch"))};
  }
  if (!given.Get("grant").IsUndefined()) plan.grant = text(given, "grant");
  if (!given.Get("expires").IsUndefined()) plan.expires = static_cast<int64_t>(number(given, "expires"));
  plan.codings = given.Get("codings").ToBoolean();
  if (!given.Get("varies").IsUndefined()) plan.varies = texts(given, "varies");
  if (const Napi::Value value = given.Get("floor"); value.IsObject()) {
    const auto floor = value.As<Napi::Object>();
    plan.floor = {seal_level(floor.Get("level")), floor.Get("refuse").ToBoolean()};
  }
  return plan;
}

Plan describe_plan(const Napi::Object& given) {
  return DescribePlan{described(given), text(given, "digest"), static_cast<uint64_t>(number(given, "size")),
                      respond_plan(object(given, "otherwise"))};
}

Plan follow_plan(const Napi::Object& given) {
  FollowPlan plan;
  plan.file = growing_file_of(given.Get("file"));
  plan.content_type = text(given, "contentType");
  plan.fields = response_fields(given);
  if (const Napi::Value more = given.Get("contentFields"); more.IsArray())
    plan.content_fields = field_list(more.As<Napi::Array>());
  return plan;
}

Plan wait_plan(const Napi::Object& given) {
  return WaitPlan{growing_file_of(given.Get("until")), static_cast<int64_t>(number(given, "patience")),
                  respond_plan(object(given, "otherwise")), text(given, "grant")};
}

StagingTarget staging_target(const Napi::Object& given) {
  StagingTarget target{text(given, "path"), digest_names(given.Get("digests"))};
  if (const Napi::Value growing = given.Get("growing"); !growing.IsUndefined())
    target.growing = claim_growing_file(growing);
  return target;
}

AppendTarget append_target(const Napi::Object& given) {
  const Napi::Value at = given.Get("at");
  return {claim_partial_file(given.Get("file"), at), boolean(given, "last"), boolean(given, "sync"),
          at.IsNumber() ? at.As<Napi::Number>().Int64Value() : -1};
}

Plan receive_plan(const Napi::Object& given) {
  ReceivePlan plan;
  plan.max_size = static_cast<uint64_t>(number(given, "maxSize"));
  if (given.Has("interim")) plan.interim = field_list(object(given, "interim").As<Napi::Array>());
  const Napi::Value sink = given.Get("sink");
  if (sink.IsObject()) {
    const auto target = sink.As<Napi::Object>();
    if (target.Has("file")) {
      plan.sink = append_target(target);
    } else {
      plan.sink = staging_target(target);
    }
    return plan;
  }
  if (text(given, "sink") != "memory")
    throw Napi::TypeError::New(given.Env(), "sink: expected 'memory' or an object");
  if (plan.max_size > BodyMemory::kLargestBody)
    throw Napi::RangeError::New(
        given.Env(), "maxSize: of a body in memory at most " + std::to_string(BodyMemory::kLargestBody));
  return plan;
}

}  // namespace

ResponseFields response_fields(const Napi::Object& given) {
  return field_list(object(given, "fields").As<Napi::Array>());
}

RespondPlan respond_plan(const Napi::Object& given) {
  return {static_cast<int>(number(given, "status")), response_fields(given), bytes(given, "body")};
}

Plan plan_of(const Napi::Object& given) {
  const std::string kind = text(given, "kind");
  if (kind == "deliver") return deliver_plan(given);
  if (kind == "describe") return describe_plan(given);
  if (kind == "respond") return respond_plan(given);
  if (kind == "receive") return receive_plan(given);
  if (kind == "follow") return follow_plan(given);
  if (kind == "wait") return wait_plan(given);
  throw Napi::TypeError::New(
      given.Env(), "plan.kind: expected deliver, describe, respond, receive, follow or wait, got " + kind);
}

}  // namespace sealgate::addon
