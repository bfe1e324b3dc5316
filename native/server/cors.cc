#include "server/cors.h"

#include <algorithm>

#include "base/text.h"
#include "http/field_lines.h"

namespace sealgate {
namespace {

constexpr std::string_view kWildcard = "://*.";

// "https://*.name" matches what has at least one label in place of the star: letters, digits, hyphens and
// dots, as a host name in an origin is serialized.
bool matches(std::string_view pattern, std::string_view origin) {
  const size_t star = pattern.find(kWildcard);
  if (star == pattern.npos) return pattern == origin;
  const std::string_view scheme = pattern.substr(0, star + 3);
  const std::string_view suffix = pattern.substr(star + kWildcard.size() - 1);
  if (origin.size() <= scheme.size() + suffix.size() || !origin.starts_with(scheme) ||
      !origin.ends_with(suffix))
    return false;
  const std::string_view labels = origin.substr(scheme.size(), origin.size() - scheme.size() - suffix.size());
  return labels.front() != '.' && std::all_of(labels.begin(), labels.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

// What the application says by Vary names the origin (src/sites/vary.ts): a second line is lost on some
// caches.
bool says_vary(const ResponseHead& head) {
  return std::any_of(head.fields().begin(), head.fields().end(),
                     [](const HeadField& each) { return same(each.name, "vary"); });
}

}  // namespace

std::string_view Cors::origin_of(const Request& request) {
  std::string_view found;
  for_each_value(request.head, "origin", [&](std::string_view value) {
    const bool first = !found.data();
    found = first ? value : value.substr(0, 0);
    return first;
  });
  return found;
}

bool Cors::allows(std::string_view origin) const {
  return !origin.empty() &&
         std::any_of(origins.begin(), origins.end(), [&](const auto& each) { return matches(each, origin); });
}

void Cors::add_to(ResponseHead& head, const Request& request) const {
  const std::string_view origin = any ? std::string_view() : origin_of(request);
  if (!any && !says_vary(head)) head.add("Vary", "Origin");
  if (!any && !allows(origin)) return;
  for (const std::string& name : echoed) head.add(name, origin);
  for (const auto& [name, value] : fields) head.add(name, value);
}

}  // namespace sealgate
