#include "http/problem.h"

namespace sealgate {

std::string_view problem_name(Problem problem) {
  switch (problem) {
    case Problem::none: return "none";
    case Problem::head_malformed: return "head-malformed";
    case Problem::host_invalid: return "host-invalid";
    case Problem::framing_ambiguous: return "framing-ambiguous";
    case Problem::chunk_malformed: return "chunk-malformed";
    case Problem::plaintext_on_tls: return "plaintext-on-tls";
    case Problem::head_timeout: return "head-timeout";
    case Problem::body_timeout: return "body-timeout";
    case Problem::body_too_large: return "body-too-large";
    case Problem::target_too_long: return "target-too-long";
    case Problem::range_unsatisfiable: return "range-unsatisfiable";
    case Problem::upload_taken_over: return "upload-taken-over";
    case Problem::precondition_failed: return "precondition-failed";
    case Problem::expectation_unknown: return "expectation-unknown";
    case Problem::rate_limited: return "rate-limited";
    case Problem::head_too_large: return "head-too-large";
    case Problem::seal_broken: return "seal-broken";
    case Problem::seal_too_low: return "seal-too-low";
    case Problem::store_read_failed: return "store-read-failed";
    case Problem::plan_out_of_place: return "plan-out-of-place";
    case Problem::method_unknown: return "method-unknown";
    case Problem::coding_unknown: return "coding-unknown";
    case Problem::application_overloaded: return "application-overloaded";
    case Problem::version_unsupported: return "version-unsupported";
    case Problem::store_full: return "store-full";
    case Problem::store_write_failed: return "store-write-failed";
    case Problem::upload_failed: return "upload-failed";
    case Problem::count_: break;
  }
  return "";
}

}  // namespace sealgate
