// handshakes: makes TLS 1.3 connections one after another, one request and answer on each, and prints how
// many.   usage: handshakes PORT PATH full|resumed SECONDS ['NAME: VALUE']
// The last is a further field of each request. No certificate is checked. IPv4, blocking.
#include <cstdlib>
#include <string>

#include "client.h"

namespace {

using namespace bench;

SSL* open(int port, SSL_SESSION* session) {
  SSL* ssl = SSL_new(client_context());
  SSL_set_fd(ssl, connect_to(port));
  if (session) SSL_set_session(ssl, session);
  if (SSL_connect(ssl) != 1) fail_with("the handshake failed");
  if (session && !SSL_session_reused(ssl)) fail_with("the session was not resumed");
  return ssl;
}

// Reads until the head and the body it announces are there.
void ask(SSL* ssl, const std::string& request) {
  SSL_write(ssl, request.data(), static_cast<int>(request.size()));
  std::string answer;
  char buffer[16384];
  for (size_t whole = 0; whole == 0 || answer.size() < whole;) {
    const int n = SSL_read(ssl, buffer, sizeof buffer);
    if (n <= 0) fail_with("the answer ended early");
    answer.append(buffer, static_cast<size_t>(n));
    const size_t head = answer.find("\r\n\r\n");
    const char* length = ::strcasestr(answer.c_str(), "\r\ncontent-length:");
    if (head != answer.npos && length) whole = head + 4 + std::strtoul(length + 17, nullptr, 10);
  }
}

void close(SSL* ssl) {
  SSL_shutdown(ssl);
  ::close(SSL_get_fd(ssl));
  SSL_free(ssl);
}

}  // namespace

int main(int count, char** words) {
  if (count < 5 || count > 6) fail_with("usage: handshakes PORT PATH full|resumed SECONDS [FIELD]");
  const int port = static_cast<int>(std::strtol(words[1], nullptr, 10));
  const std::string field = count == 6 ? words[5] + std::string("\r\n") : "";
  const std::string request =
      std::string("GET ") + words[2] + " HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n";
  SSL_SESSION* session = nullptr;
  if (std::string(words[3]) == "resumed") {
    SSL* first = open(port, nullptr);
    ask(first, request);  // the tickets come before the answer
    session = SSL_get1_session(first);
    close(first);
  }
  size_t made = 0;
  for (const double end = now() + std::strtod(words[4], nullptr); now() < end; made++) {
    SSL* ssl = open(port, session);
    ask(ssl, request);
    close(ssl);
  }
  std::printf("{\"requests\":%zu}\n", made);
}
