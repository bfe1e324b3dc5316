// What the single parts of a request head mean and which of them are refused. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/problem.h"
#include "http/request.h"

namespace sealgate {

// How a stream begins: with a method, known or not, or with something that is no HTTP.
enum class Opening : uint8_t { method, no_method, open };  // open: more bytes will tell
Opening opening_of(std::string_view text);

// Field::count_ for the fields that only the application reads.
Field field_of(std::string_view name);

// Whether its value is a list, which may come in several lines (RFC 9110 5.3).
bool is_list(Field field);

// Whether a list of tokens has this one, in any case (RFC 9110 5.6.1).
bool lists_token(std::string_view list, std::string_view token);

// Of the value of Expect: 100-continue, and nothing that nobody here can meet (RFC 9110 10.1.1).
bool expects_continue_alone(std::string_view expectations);

// RFC 9110 5.6.2. A blank before the colon of a field could hide it from another reader (RFC 9112 5.1).
bool is_token(std::string_view text);

// Reduces absolute-form to origin-form (RFC 9112 3.2.2). False when the target is none that is served.
bool normalize_target(std::string_view& target, Method method);

// uri-host [ ":" port ] as far as its characters go (RFC 3986 3.2.2).
bool is_host(std::string_view host);

// Of the value of Transfer-Encoding. The end of a body can be found only behind "chunked", last and once
// (RFC 9112 6.1, 6.3); a coding before it is one that nobody here decodes.
Problem problem_of_coding(std::string_view codings);

}  // namespace sealgate
