// request_path: the engine's way from a request to its answer, for counting instructions: a reactor on the
// main thread, and a client in a process of its own that asks for one file over and over on one connection.
//
//   request_path plain|tls open|token BODYBYTES REQUESTS CERTIFICATE KEY
//
// token: only a bearer token may read, and the client has it.
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

constexpr const char* kToken = "sgt_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

[[noreturn]] void be_client(int port, bool tls, bool token, size_t requests) {
  std::string request = "GET /o/files/file.bin HTTP/1.1\r\nHost: localhost\r\n";
  if (token) request.append("Authorization: Bearer ").append(kToken).append("\r\n");
  request += "\r\n";
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
  if (count != 7)
    bench::fail_with("usage: request_path plain|tls open|token BODYBYTES REQUESTS CERTIFICATE KEY");
  const bool tls = std::string_view(words[1]) == "tls", token = std::string_view(words[2]) == "token";
  const size_t size = std::strtoul(words[3], nullptr, 10), requests = std::strtoul(words[4], nullptr, 10);

  ReactorOptions options;
  options.listeners = {{"127.0.0.1", 0, tls}};
  const std::string key = read_file(words[6]);
  options.tls.certificates = {{words[5], read_file(words[5]), parse_private_key(key), ""}};
  options.tls.min_version = "TLSv1.3";
  options.tls.cipher_suites = "TLS_AES_128_GCM_SHA256";
  options.server_name = "sealgate";

  TempDir dir;
  options.mounts = everything();
  options.mounts.front().open_reads = !token;
  options.blobs = dir.at("");
  Engine& engine = Engine::instance();
  auto grants = std::make_shared<GrantTable>();
  grants->add_token(sha256(kToken), {{false, {"read:files"}}, INT64_MAX});
  engine.grants.replace(std::move(grants), INT64_MAX);
  std::string failure;
  const auto reactor = Reactor::create(1, options, engine, &failure);
  if (!reactor) bench::fail_with(failure.c_str());
  const int port = reactor->listeners().front().port();

  const pid_t client = ::fork();
  if (client == 0) be_client(port, tls, token, requests);
  DeliverPlan plan = plan_to_deliver(add_blob(dir, std::string(size, 'x')));
  if (token) plan.grant = "read:files";
  const auto answering = application(engine, *reactor, plan);
  int status = 0;
  const std::jthread waiting([&] {
    ::waitpid(client, &status, 0);
    reactor->stop(1000);
  });
  reactor->run();
  return status == 0 ? 0 : 1;
}
