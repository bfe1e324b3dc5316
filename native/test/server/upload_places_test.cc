// One client or one token may fill most of the places for uploads, and never all of them.
#include "server/upload_places.h"

#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

UploadPlaces::Holder who(const std::string& address, const std::string& token) {
  return UploadPlaces::holder(client_at(address), token);
}

size_t taken_by(UploadPlaces& places, const UploadPlaces::Holder& holder) {
  size_t taken = 0;
  while (places.take(holder)) taken++;
  return taken;
}

TEST_CASE("one client fills three quarters of the places, and another still gets one") {
  UploadPlaces places(64);
  CHECK_EQ(taken_by(places, who("192.0.2.1", "a")), 48);
  CHECK(!places.take(who("192.0.2.1", "b")));  // of the same address
  CHECK(places.take(who("192.0.2.2", "c")));
}

TEST_CASE("one token from many addresses does not fill the last quarter") {
  UploadPlaces places(64);
  size_t taken = 0;
  for (int i = 0; i < 100; i++) taken += places.take(who("address " + std::to_string(i), "a")) ? 1 : 0;
  CHECK_EQ(taken, 48);
  CHECK(places.take(who("192.0.2.2", "b")));
}

TEST_CASE("clients without a token are not one client") {
  UploadPlaces places(64);
  CHECK_EQ(taken_by(places, who("192.0.2.1", "")), 48);
  CHECK(places.take(who("192.0.2.2", "")));
}

TEST_CASE("several places are taken all or not at all") {
  UploadPlaces places(64);
  CHECK(!places.take(who("192.0.2.1", "a"), 65));
  CHECK(places.take(who("192.0.2.1", "a"), 48));
  CHECK(!places.take(who("192.0.2.1", "a"), 2));
  CHECK(!places.take(who("192.0.2.2", "b"), 17));
  CHECK(places.take(who("192.0.2.2", "b"), 16));
}

TEST_CASE("clients with few uploads share the places that one client has left, up to the limit") {
  UploadPlaces places(64);
  taken_by(places, who("192.0.2.1", "a"));
  CHECK_EQ(taken_by(places, who("192.0.2.2", "b")), 9);
  CHECK_EQ(taken_by(places, who("192.0.2.3", "c")), 7);
  CHECK(!places.take(who("192.0.2.4", "d")));
}

TEST_CASE("a place that was left can be taken again") {
  UploadPlaces places(4);
  const auto holder = who("192.0.2.1", "a");
  CHECK_EQ(taken_by(places, holder), 3);
  places.leave(holder);
  CHECK(places.take(holder));
  CHECK(!places.take(holder));
}

TEST_CASE("fewer than four places go to whoever comes first") {
  UploadPlaces places(2);
  CHECK_EQ(taken_by(places, who("192.0.2.1", "a")), 2);
}

}  // namespace
}  // namespace sealgate
