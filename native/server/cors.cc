#include "server/cors.h"

#include <algorithm>

#include "base/text.h"

namespace sealgate {
namespace {

constexpr std::string_view kOrigin = "origin";
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

}  // namespace

std::string_view Cors::origin_of(const Request& request) {
  std::string_view found;
  for (std::string_view rest = request.head; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(line.size() + 2, rest.size()));
    const size_t colon = line.find(':');
    if (colon == line.npos || !same(line.substr(0, colon), kOrigin)) continue;
    if (found.data()) return line.substr(0, 0);
    found = trimmed(line.substr(colon + 1));
  }
  return found;
}

bool Cors::allows(std::string_view origin) const {
  return !origin.empty() &&
         std::any_of(origins.begin(), origins.end(), [&](const auto& each) { return matches(each, origin); });
}

void Cors::add_to(ResponseHead& head, const Request& request) const {
  const std::string_view origin = any ? std::string_view() : origin_of(request);
  if (!any) head.add("Vary", "Origin");
  if (!any && !allows(origin)) return;
  for (const std::string& name : echoed) head.add(name, origin);
  for (const auto& [name, value] : fields) head.add(name, value);
}

}  // namespace sealgate
