// request_path: the engine's way from a request to its answer, for counting instructions: a reactor on the
// main thread, and a client in a process of its own that asks for one file over and over on one connection.
//
//   request_path plain|tls BODYBYTES REQUESTS CERTIFICATE KEY
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <semaphore>
#include <thread>

#include "../bench/client.h"
#include "test/served.h"

namespace {

using namespace sealgate;

// Answers what the reactor asks: once, as the plan is kept.
std::jthread application(Engine& engine, Reactor& reactor, const DeliverPlan& plan) {
  static std::counting_semaphore<> asked(0);
  engine.application.connect([] { asked.release(); });
  return std::jthread([&engine, &reactor, plan](const std::stop_token& stop) {
    const std::stop_callback wake(stop, [] { asked.release(); });
    while (!stop.stop_requested()) {
      asked.acquire();
      std::vector<ApplicationEvent> events;
      engine.application.drain(events);
      for (const ApplicationEvent& event : events) {
        if (const auto* request = std::get_if<RequestEvent>(&event.what))
          reactor.answer(request->request, plan);
      }
    }
  });
}

[[noreturn]] void be_client(int port, bool tls, size_t requests) {
  const std::string request = "GET /o/files/file.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";
  bench::Connection connection(port, tls);
  connection.first_answer(request);
  for (size_t i = 0; i < requests; i++) {
    connection.send(request);
    while (!connection.receive()) {
    }
  }
  ::_exit(0);
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) bench::fail_with("usage: request_path plain|tls BODYBYTES REQUESTS CERTIFICATE KEY");
  const bool tls = std::string_view(words[1]) == "tls";
  const size_t size = std::strtoul(words[2], nullptr, 10), requests = std::strtoul(words[3], nullptr, 10);

  ReactorOptions options;
  options.listeners = {{"127.0.0.1", 0, tls}};
  options.tls.certificates = {{words[4], read_file(words[4]), read_file(words[5])}};
  options.tls.min_version = "TLSv1.3";
  options.tls.cipher_suites = "TLS_AES_128_GCM_SHA256";
  options.server_name = "sealgate";

  TempDir dir;
  options.mounts = everything();
  options.blobs = dir.at("");
  Engine& engine = Engine::instance();
  std::string failure;
  const auto reactor = Reactor::create(1, options, engine, &failure);
  if (!reactor) bench::fail_with(failure.c_str());
  const int port = reactor->listeners().front().port();

  const pid_t client = ::fork();
  if (client == 0) be_client(port, tls, requests);
  const auto answering =
      application(engine, *reactor, plan_to_deliver(add_blob(dir, std::string(size, 'x'))));
  int status = 0;
  const std::jthread waiting([&] {
    ::waitpid(client, &status, 0);
    reactor->stop(1000);
  });
  reactor->run();
  return status == 0 ? 0 : 1;
}
