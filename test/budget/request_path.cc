// request_path: the engine's way from a request to its answer, for counting instructions: a reactor on the
// main thread, and a client in a process of its own that asks for one file over and over on one connection.
//
//   request_path plain|tls open|token|signed|verified BODYBYTES REQUESTS CERTIFICATE KEY
//
// token: only a bearer token may read, and the client has it. signed: only signed URLs are read, and the
// client asks for one. verified: it asks for two in turns, so that each is verified anew.
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <semaphore>
#include <thread>

#include "../bench/client.h"
#include "server/access.h"
#include "server/signing_key.h"
#include "server/url_signature.h"
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

constexpr const char* kPath = "/o/files/file.bin";
constexpr const char* kSite = "localhost/";
constexpr const char* kSigningKey = "0123456789abcdef0123456789abcdef";

std::string signed_path(const std::string& expires) {
  const std::string says = std::string(kPath) + "?sg-expires=" + expires + "&sg-key=key&sg-signature=";
  UrlSignature said;
  const std::string whole = says + std::string(64, '0');
  if (read_url_signature(whole, 1, &said) != Reading::whole) bench::fail_with("no signature");
  const SignatureText made = SigningKey::of(kSigningKey)->sign(said.text(kSite));
  return says + std::string(made.data(), made.size());
}

// Whom it serves: signed URLs alone.
std::shared_ptr<const Access> signed_alone() {
  auto signing = std::make_unique<Signing>();
  signing->site = kSite;
  signing->required = true;
  signing->keys = {{"key", "key"}};
  return std::make_shared<Access>(std::vector<AddressPrefix>(), std::vector<AddressPrefix>(),
                                  std::move(signing));
}

std::string request_for(const std::string& target, bool token) {
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  if (token) request.append("Authorization: Bearer ").append(kToken).append("\r\n");
  return request + "\r\n";
}

[[noreturn]] void be_client(int port, bool tls, std::string_view reads, size_t requests) {
  const bool is_signed = reads == "signed" || reads == "verified";
  const std::string one = request_for(is_signed ? signed_path("99999999998") : kPath, reads == "token");
  const std::string other = reads == "verified" ? request_for(signed_path("99999999999"), false) : one;
  bench::Connection connection(port, tls);
  connection.first_answer(one);
  for (size_t i = 0; i < requests; i++) {
    connection.send(i % 2 == 0 ? other : one);
    while (!connection.receive()) {
    }
  }
  ::_exit(0);
}

}  // namespace

int main(int count, char** words) {
  if (count != 7)
    bench::fail_with(
        "usage: request_path plain|tls open|token|signed|verified BODYBYTES REQUESTS CERTIFICATE KEY");
  const bool tls = std::string_view(words[1]) == "tls";
  const std::string_view reads = words[2];
  const bool token = reads == "token";
  const size_t size = std::strtoul(words[3], nullptr, 10), requests = std::strtoul(words[4], nullptr, 10);

  ReactorOptions options;
  options.listeners = {on_loopback(tls)};
  const std::string key = read_file(words[6]);
  options.tls.certificates = {{words[5], read_file(words[5]), parse_private_key(key), ""}};
  options.tls.min_version = "TLSv1.3";
  options.tls.cipher_suites = "TLS_AES_128_GCM_SHA256";
  options.server_name = "sealgate";

  TempDir dir;
  options.mounts = everything();
  options.mounts.front().open_reads = !token;
  if (reads == "signed" || reads == "verified") options.mounts.front().access = signed_alone();
  options.blobs = dir.at("");
  Engine& engine = Engine::instance();
  auto grants = std::make_shared<GrantTable>();
  grants->add_token(sha256(kToken), {{false, {"read:files"}}, INT64_MAX});
  grants->add_key("key", SigningKey::of(kSigningKey));
  engine.grants.replace(std::move(grants), INT64_MAX);
  std::string failure;
  const auto reactor = Reactor::create(1, options, engine, &failure);
  if (!reactor) bench::fail_with(failure.c_str());
  const int port = reactor->listeners().front().address().port();

  const pid_t client = ::fork();
  if (client == 0) be_client(port, tls, reads, requests);
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
