// record_size_limit (RFC 8449) and max_fragment_length (RFC 6066 4): which of them is answered.
#include "tls/record_size_limit.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>
#include "test/channel_server.h"

namespace sealgate {
namespace {

constexpr size_t kLimit = 2048;  // what the clients' record_size_limit says; one more in TLS 1.3

struct Answers {
  int limits = 0;    // answers to record_size_limit
  int fragment = 0;  // the code that answers max_fragment_length; 0: none
  bool resumed = false;
  size_t longest = 0;  // bytes of the longest record of application data
};

void offer_limit(SSL_CTX* clients, Answers* answers) {
  constexpr unsigned int kExtension = 28;
  constexpr unsigned int kContexts =
      SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS;
  const auto add = [](SSL*, unsigned int, unsigned int, const unsigned char** out, size_t* size, X509*,
                      size_t, int*, void*) {
    static constexpr unsigned char kBytes[] = {kLimit >> 8, 1};
    *out = kBytes;
    *size = sizeof kBytes;
    return 1;
  };
  const auto parse = [](SSL*, unsigned int, unsigned int, const unsigned char*, size_t, X509*, size_t, int*,
                        void* seen) { return ++static_cast<Answers*>(seen)->limits; };
  REQUIRE(SSL_CTX_add_custom_ext(clients, kExtension, kContexts, add, nullptr, nullptr, parse, answers) == 1);
}

// What a client is answered, and how long the records of 10,000 bytes are.
struct Client {
  explicit Client(TlsOptions options = {}) : server(std::move(options)) {
    SSL_CTX_set_msg_callback(server.clients.get(), on_message);
    SSL_CTX_set_msg_callback_arg(server.clients.get(), &now);
  }

  Answers connect(int version, SSL_SESSION* session = nullptr) {
    now = {};
    ChannelServer::Ends ends = server.accept(version, session);
    REQUIRE(ends.channel != nullptr);
    ends.channel->send_tickets();
    const std::string sent(10'000, 'x');
    std::string received, piece(sent.size(), '\0');
    REQUIRE(ends.channel->write(sent.data(), sent.size(), false).bytes == sent.size());
    now.longest = 0;
    for (int turn = 0; turn < 1000 && received.size() < sent.size(); turn++) {
      const int n = SSL_read(ends.ssl.get(), piece.data(), static_cast<int>(piece.size()));
      if (n > 0) received.append(piece, 0, static_cast<size_t>(n));
    }
    CHECK_EQ(received.size(), sent.size());

    last.reset(SSL_get1_session(ends.ssl.get()));
    SSL_set_shutdown(ends.ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    now.fragment = SSL_SESSION_get_max_fragment_length(last.get());
    now.resumed = SSL_session_reused(ends.ssl.get()) == 1;
    return now;
  }

  static void on_message(int written, int, int type, const void* data, size_t, SSL*, void* seen) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    if (written || type != SSL3_RT_HEADER) return;
    size_t& longest = static_cast<Answers*>(seen)->longest;
    longest = std::max(longest, size_t{bytes[3]} << 8 | bytes[4]);
  }

  void offer_limit() { sealgate::offer_limit(server.clients.get(), &now); }
  void offer_fragment(uint8_t code) {
    REQUIRE(SSL_CTX_set_tlsext_max_fragment_length(server.clients.get(), code) == 1);
  }

  ChannelServer server;
  Answers now;
  OpenSslPtr<SSL_SESSION> last;
};

constexpr size_t kOverhead = 32;  // of a record, at most: nonce, type and tag

TEST_CASE("a client that offers max_fragment_length alone is answered it, and gets records of that length") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    client.offer_fragment(TLSEXT_max_fragment_length_1024);
    const Answers answers = client.connect(version);
    CHECK_EQ(answers.limits, 0);
    CHECK_EQ(answers.fragment, TLSEXT_max_fragment_length_1024);
    CHECK(answers.longest > 1000);
    CHECK(answers.longest <= 1024 + kOverhead);
  }
}

TEST_CASE("a client that offers record_size_limit and max_fragment_length is answered the first alone") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const uint8_t code : {TLSEXT_max_fragment_length_512, TLSEXT_max_fragment_length_4096}) {
      Client client;
      client.offer_limit();
      client.offer_fragment(code);
      const Answers answers = client.connect(version);
      CHECK_EQ(answers.limits, 1);
      CHECK_EQ(answers.fragment, TLSEXT_max_fragment_length_DISABLED);
      CHECK(answers.longest > kLimit - kOverhead);
      CHECK(answers.longest <= kLimit + kOverhead);
    }
  }
}

TEST_CASE("a client that offers both extensions resumes its session, and is answered as before") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    client.offer_limit();
    client.offer_fragment(TLSEXT_max_fragment_length_512);
    client.connect(version);
    const OpenSslPtr<SSL_SESSION> session = std::move(client.last);
    const Answers answers = client.connect(version, session.get());
    CHECK(answers.resumed);
    CHECK_EQ(answers.limits, 1);
    CHECK_EQ(answers.fragment, TLSEXT_max_fragment_length_DISABLED);
    CHECK(answers.longest > kLimit - kOverhead);
  }
}

TEST_CASE("a session with max_fragment_length that resumes with both extensions gets record_size_limit") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsOptions options;
    options.groups = "X25519";  // a ServerHello of less than 512 bytes, which the client insists on here
    Client client(std::move(options));
    client.offer_fragment(TLSEXT_max_fragment_length_512);
    client.connect(version);
    const OpenSslPtr<SSL_SESSION> session = std::move(client.last);
    client.offer_limit();
    const ChannelServer::Ends ends = client.server.accept(version, session.get());
    CHECK(ends.channel != nullptr);
    CHECK(SSL_session_reused(ends.ssl.get()) == 1);
    CHECK_EQ(client.now.limits, 1);
  }
}

TEST_CASE("after HelloRetryRequest a client that offers both extensions is answered record_size_limit") {
  TlsOptions options;
  options.groups = "P-384";
  Client client(std::move(options));
  REQUIRE(SSL_CTX_set1_groups_list(client.server.clients.get(), "X25519:P-384") == 1);
  client.offer_limit();
  client.offer_fragment(TLSEXT_max_fragment_length_512);
  const Answers answers = client.connect(TLS1_3_VERSION);
  CHECK_EQ(answers.limits, 1);
  CHECK_EQ(answers.fragment, TLSEXT_max_fragment_length_DISABLED);
}

}  // namespace
}  // namespace sealgate
