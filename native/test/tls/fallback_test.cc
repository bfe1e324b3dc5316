// Each reason has a name of its own, and the kernel's refusals have their errno in it.
#include "tls/fallback.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

TEST_CASE("a refusal of the kernel is named after its errno") {
  const std::pair<int, std::string_view> cases[] = {{ENOENT, "install-failed-enoent"},
                                                    {EINVAL, "install-failed-einval"},
                                                    {EBUSY, "install-failed-ebusy"},
                                                    {ENOTCONN, "install-failed-enotconn"},
                                                    {ENOMEM, "install-failed-enomem"},
                                                    {ENOPROTOOPT, "install-failed-enoprotoopt"},
                                                    {EPERM, "install-failed-eperm"},
                                                    {EOPNOTSUPP, "install-failed-eopnotsupp"},
                                                    {EIO, "install-failed"}};
  for (const auto& [error, expected] : cases) {
    CHECK_EQ(fallback_name(install_failure({error, "setsockopt TCP_ULP"})), expected);
  }
}

TEST_CASE("each fallback has its name") {
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(Fallback::count_); i++) {
    const std::string name(fallback_name(static_cast<Fallback>(i)));
    CHECK(!name.empty());
    CHECK(names.insert(name).second);
  }
}

}  // namespace
}  // namespace sealgate
