// The connection of an encoder is not closed because there is nothing to send for a while; others are.
#include <unistd.h>

#include <optional>
#include <string>

#include <doctest/doctest.h>
#include "server/reactor.h"
#include "test/client.h"
#include "test/served.h"

namespace sealgate {
namespace {

constexpr int kIdle = 100;  // milliseconds
const std::string kBody = "Content-Length: 1\r\n\r\nx";
const std::string kPut = "PUT /segment HTTP/1.1\r\nHost: a\r\n" + kBody;
const std::string kGet = "GET /absent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

ReactorOptions impatient() {
  ReactorOptions options;
  options.listeners = {on_loopback()};
  options.idle_timeout = kIdle;
  return options;
}

std::vector<Mount> mounts_for(bool encoders) {
  std::vector<Mount> mounts = everything();
  mounts[0].id = 2;
  mounts[0].encoders = encoders;
  return mounts;
}

// Whether the connection takes another request after ten times as long as a client may be idle.
bool goes_on_after(const std::string& request, bool encoders) {
  Served served(impatient());
  served.replace_mounts(mounts_for(encoders));
  TestClient client(served.port());
  client.send(request);
  CHECK(client.receive(9) == "HTTP/1.1 ");
  ::usleep(10 * kIdle * 1000);
  client.send(kGet);
  return count(client.receive_all(), "HTTP/1.1 404") == 1;
}

TEST_CASE("an encoder is idle for longer than others may be: its connection goes on") {
  CHECK(goes_on_after(kPut, true));
}

TEST_CASE("a connection that is idle is closed: who uploads elsewhere, who reads, who may not upload") {
  CHECK(!goes_on_after(kPut, false));
  CHECK(!goes_on_after("GET /there HTTP/1.1\r\nHost: a\r\n\r\n", true));
  CHECK(!goes_on_after("DELETE /denied HTTP/1.1\r\nHost: a\r\n" + kBody, true));
}

TEST_CASE("an idle encoder has the only connection: the next client is served when it has gone") {
  ReactorOptions options = impatient();
  options.connections = 1;
  Served served(options);
  served.replace_mounts(mounts_for(true));
  std::optional<TestClient> encoder(served.port());
  encoder->send(kPut);
  CHECK(encoder->receive(9) == "HTTP/1.1 ");
  TestClient next(served.port());
  next.send(kGet);
  CHECK_EQ(next.receive(1, 10 * kIdle), "");
  encoder.reset();
  CHECK(next.receive_all().starts_with("HTTP/1.1 404"));
}

}  // namespace
}  // namespace sealgate
