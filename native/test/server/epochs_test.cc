// Counters that two processes share.
#include "server/epochs.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

namespace sealgate {
namespace {

TEST_CASE("epochs that were adopted go on where they stood, and are moved by both") {
  Epochs one, other;
  one.bump(7);
  REQUIRE(other.adopt(one.memory().copy()).ok());
  CHECK_EQ(other.read(7), 1u);
  other.bump(7);
  CHECK_EQ(one.read(7), 2u);
  CHECK_EQ(one.read(8), 0u);
}

TEST_CASE("what are no epochs is refused, and the own ones stay") {
  Epochs epochs;
  epochs.bump(7);
  CHECK_EQ(epochs.adopt(Fd(::open("/dev/null", O_RDWR | O_CLOEXEC))).error, EINVAL);
  Fd loose(::memfd_create("loose", MFD_CLOEXEC));
  REQUIRE_EQ(::ftruncate(loose.get(), Epochs::kSlots * 8), 0);
  CHECK_EQ(epochs.adopt(std::move(loose)).error, EINVAL);
  CHECK_EQ(epochs.read(7), 1u);
}

}  // namespace
}  // namespace sealgate
