// Parsing and validation of single parts of a request head. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/problem.h"
#include "http/request.h"

namespace sealgate {

// How a byte stream begins: with a method, with something that is not HTTP, or undecided.
enum class Opening : uint8_t { method, no_method, open };  // open: more bytes will tell
Opening opening_of(std::string_view text);

// Field::count_ for the fields that only the application reads.
Field field_of(std::string_view name);

// Whether the field's value is a list, which may be split over several lines (RFC 9110 5.3).
bool is_list(Field field);

// Puts another line of a list behind the value that the request has of it.
void join_list(Request& request, Field field, std::string_view value);

// Whether a comma-separated list contains the token, ignoring case (RFC 9110 5.6.1).
bool lists_token(std::string_view list, std::string_view token);

// Whether the value of Expect is 100-continue and nothing else (RFC 9110 10.1.1).
bool expects_continue_alone(std::string_view expectations);

// Whether the text is a token (RFC 9110 5.6.2). White space before a field's colon would hide the field from
// other parsers (RFC 9112 5.1).
bool is_token(std::string_view text);

// Reduces absolute-form to origin-form (RFC 9112 3.2.2), and says whom it was for; `authority` stays as it is
// for other forms. False when the target is of no supported form.
bool normalize_target(std::string_view& target, Method method, std::string_view& authority);

// Whether the characters are those of uri-host [ ":" port ] (RFC 3986 3.2.2).
bool is_host(std::string_view host);

// Checks the value of Transfer-Encoding. The end of the body is known only if "chunked" is the last coding
// and occurs once (RFC 9112 6.1, 6.3); the engine decodes no coding before it.
Problem problem_of_coding(std::string_view codings);

}  // namespace sealgate
