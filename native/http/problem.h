// Problem: the reasons for which the engine refuses a request without asking the application. src/errors.ts
// has the HTTP status and message of each, and gives the engine one prepared response for each.
#pragma once

#include <cstdint>
#include <string_view>

namespace sealgate {

enum class Problem : uint8_t {
  none,
  head_malformed,       // 400: not HTTP/1.1, bare LF, bad field name or value, obs-fold
  host_invalid,         // 400: HTTP/1.1 without exactly one Host (RFC 9112 3.2)
  framing_ambiguous,    // 400: Content-Length with Transfer-Encoding, two lengths, chunked not last
  chunk_malformed,      // 400: a chunk size or chunk end that is not one
  plaintext_on_tls,     // 400: an HTTP request in the clear on a TLS port
  head_timeout,         // 408: the head did not complete in time
  body_timeout,         // 408: the body came slower than the minimum rate
  body_too_large,       // 413
  target_too_long,      // 414
  range_unsatisfiable,  // 416: also more ranges than the limit
  upload_taken_over,    // 409: a newer request goes on with what this one appends to
  precondition_failed,  // 412
  expectation_unknown,  // 417: Expect other than 100-continue
  rate_limited,         // 429: more requests than a limit lets through
  head_too_large,       // 431: fields too many or too long in total
  seal_broken,          // 500: the file changed after it was sealed
  seal_too_low,         // 503: the file can be changed more easily than its bucket allows
  store_read_failed,    // 500: the disk refused a read
  plan_out_of_place,    // 500: the application answered with a plan that this request cannot follow any more
  method_unknown,       // 501
  coding_unknown,       // 501: a Transfer-Encoding other than chunked
  application_overloaded,  // 503: no answer from the application in time
  version_unsupported,     // 505
  store_full,              // 507: ENOSPC or EDQUOT while receiving
  store_write_failed,      // 500: any other error while receiving
  upload_failed,           // 503: what was to be read of an upload under way never came
  count_,
};

// The name as in src/errors.ts, metrics and logs, for example "head-malformed".
std::string_view problem_name(Problem problem);

}  // namespace sealgate
