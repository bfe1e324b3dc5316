// What a lease holds is given back once, whichever way the lease ends.
#include "base/lease.h"

#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

struct Places {
  void leave(char place) { left.push_back(place); }
  std::string left;
};
using Place = Lease<Places, char, &Places::leave>;

TEST_CASE("a lease that is destroyed gives back what it holds, and an empty one nothing") {
  Places places;
  {
    const Place empty;
    const Place held(places, 'a');
    CHECK(!empty);
    CHECK(held);
    CHECK(held.what() == 'a');
  }
  CHECK_EQ(places.left, "a");
}

TEST_CASE("a lease that is ended gives back at once, and not again when it is destroyed") {
  Places places;
  {
    Place held(places, 'a');
    held.end();
    CHECK(!held);
    CHECK_EQ(places.left, "a");
    held.end();
  }
  CHECK_EQ(places.left, "a");
}

TEST_CASE(
    "a lease that was moved from gives nothing back, and one that is replaced gives back what it held") {
  Places places;
  {
    Place first(places, 'a'), second(places, 'b');
    second = std::move(first);
    CHECK_EQ(places.left, "b");
    const Place third(std::move(second));
    CHECK(third);
    CHECK_EQ(places.left, "b");
  }
  CHECK_EQ(places.left, "ba");
}

}  // namespace
}  // namespace sealgate
