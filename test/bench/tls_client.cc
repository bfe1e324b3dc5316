// A TLS 1.3 client of the benchmarks, where wrk and curl do not fit. IPv4, blocking, one connection after
// another; no certificate is checked.
//
//   tls_client PORT PATH idle COUNT                     opens so many connections, makes one request on each,
//   prints
//                                                       `ready`, and keeps them until standard input ends
//   tls_client PORT PATH handshakes full|resumed SECONDS  prints how many it made, one request and answer on
//   each
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Client {
  int port;
  std::string request;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_SESSION* session = nullptr;

  SSL* open() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (session) SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1) fail("handshake");
    if (session && !SSL_session_reused(ssl)) fail("the session was not resumed");
    return ssl;
  }

  // Reads until the head and the body it announces are there.
  void ask(SSL* ssl) {
    SSL_write(ssl, request.data(), static_cast<int>(request.size()));
    std::string answer;
    char buffer[16384];
    for (size_t whole = 0; whole == 0 || answer.size() < whole;) {
      const int n = SSL_read(ssl, buffer, sizeof buffer);
      if (n <= 0) fail("the answer ended early");
      answer.append(buffer, static_cast<size_t>(n));
      const size_t head = answer.find("\r\n\r\n"), length = answer.find("Content-Length: ");
      if (head != answer.npos && length != answer.npos)
        whole = head + 4 + std::strtoul(&answer[length + 16], nullptr, 10);
    }
  }

  static void close(SSL* ssl) {
    SSL_shutdown(ssl);
    ::close(SSL_get_fd(ssl));
    SSL_free(ssl);
  }
};

double now() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void idle(Client& client, size_t count) {
  rlimit files{count + 64, count + 64};
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::vector<SSL*> open;
  for (size_t i = 0; i < count; i++) {
    open.push_back(client.open());
    client.ask(open.back());
  }
  std::printf("ready\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

void handshakes(Client& client, bool resumed, double seconds) {
  if (resumed) {
    SSL* first = client.open();
    client.ask(first);  // the tickets came before the answer
    client.session = SSL_get1_session(first);
    Client::close(first);
  }
  size_t made = 0;
  for (const double end = now() + seconds; now() < end; made++) {
    SSL* ssl = client.open();
    client.ask(ssl);
    Client::close(ssl);
  }
  std::printf("%zu\n", made);
}

}  // namespace

int main(int count, char** words) {
  if (count < 5) return std::fprintf(stderr, "usage: tls_client PORT PATH idle|handshakes ...\n"), 2;
  Client client{static_cast<int>(std::strtol(words[1], nullptr, 10)),
                std::string("GET ") + words[2] + " HTTP/1.1\r\nHost: localhost\r\n\r\n"};
  SSL_CTX_set_min_proto_version(client.context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(client.context, "TLS_AES_128_GCM_SHA256");
  const std::string what = words[3];
  if (what == "idle") {
    idle(client, std::strtoul(words[4], nullptr, 10));
  } else {
    handshakes(client, std::string(words[4]) == "resumed", count > 5 ? std::strtod(words[5], nullptr) : 3);
  }
}
