#include "server/plan_key.h"

#include <algorithm>

namespace sealgate {
namespace {

bool counts(const Mount& mount, std::string_view parameter) {
  const std::string_view name = parameter.substr(0, parameter.find('='));
  return name.find_first_of("%+") != name.npos ||
         std::find(mount.parameters.begin(), mount.parameters.end(), name) != mount.parameters.end();
}

}  // namespace

PlanKey plan_key(const Mount& mount, std::string_view target, std::string& memory) {
  const size_t mark = target.find('?');
  if (mark == target.npos) return {mount.id, 0, target};
  if (mount.parameters.empty()) return {mount.id, 0, target.substr(0, mark)};
  memory.assign(target, 0, mark);
  std::string_view rest = target.substr(mark + 1);
  for (char join = '?'; !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!counts(mount, parameter)) continue;
    memory.append(1, join).append(parameter);
    join = '&';
  }
  return {mount.id, 0, memory};
}

}  // namespace sealgate
