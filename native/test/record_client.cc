// record_client HOST PORT tls12|tls13 CIPHER COMMAND...
// A TLS client that sends what no library sends: after a handshake by OpenSSL it makes every record by hand.
// It does the commands in order and prints one line for each thing that arrives. IPv4, and no certificate is
// checked. $SOURCE_ADDRESS is where it connects from. Exits 1 when it could not connect or a record does not
// open.
//
//   get PATH             a GET request, as one record
//   text TEXT            application data; \r \n as in C
//   record TYPE HEX      one record of that type
//   raw HEX              bytes as they are, not protected
//   garbage              a record that does not authenticate
//   update 0|1           KeyUpdate; 1 requests the peer's
//   split-update         KeyUpdate over two records, as RFC 8446 5.1 allows
//   hold                 what follows is kept until `release`
//   release [SIZE]       sends it, in pieces of SIZE bytes with a pause between them; 0: at once
//   read BYTES           takes in that much application data
//   read BYTES UPDATES   and on the way sends that many KeyUpdates, every other one requesting the peer's
//   body                 the digest printed is of what follows the next response's head
//   cut                  the end of the stream without close_notify
//   end                  takes in what comes until the peer closes
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <utility>

#include "tls/ktls.h"
#include "tls/record_crypto.h"

namespace sealgate {
namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "record_client: %s\n", what);
  std::exit(1);
}

struct Side {
  TrafficSecret secret;
  RecordKeys keys;
  uint64_t sequence = 0;
};

TrafficSecret client_secret, server_secret;

void keylog(const SSL*, const char* line) {
  parse_keylog(line, "CLIENT_TRAFFIC_SECRET_0", client_secret);
  parse_keylog(line, "SERVER_TRAFFIC_SECRET_0", server_secret);
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      i++;
      out.push_back(text[i] == 'r' ? '\r' : text[i] == 'n' ? '\n' : text[i]);
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

class Client {
 public:
  Client(const char* host, int port, bool tls12, const char* cipher) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (const char* source = std::getenv("SOURCE_ADDRESS")) {
      ::inet_pton(AF_INET, source, &address.sin_addr);
      if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
    }
    address.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, host, &address.sin_addr);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    handshake(tls12, cipher);
    EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr);
  }
  ~Client() { EVP_MD_CTX_free(hash_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void hold() { holding_ = true; }
  void release(size_t size) {
    holding_ = false;
    const std::string bytes = std::exchange(held_, {});
    for (size_t at = 0; at < bytes.size(); at += size) {
      if (size == 0) size = bytes.size();
      send_raw(bytes.substr(at, size));
      if (size < bytes.size()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void send_raw(const std::string& bytes) {
    if (holding_) {
      held_ += bytes;
      return;
    }
    for (size_t at = 0; at < bytes.size();) {
      const ssize_t n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n < 0) return;  // the peer has closed; what it said before is still read
      at += static_cast<size_t>(n);
    }
  }
  std::string protect(uint8_t type, const std::string& data) {
    return protect_record(out_.keys, out_.sequence++, type, data);
  }
  void record(uint8_t type, const std::string& data) { send_raw(protect(type, data)); }

  void update(bool request) {
    record(kRecordHandshake, {24, 0, 0, 1, static_cast<char>(request)});
    advance(out_);
  }
  void split_update() {
    record(kRecordHandshake, {24, 0});
    record(kRecordHandshake, {0, 1, 0});
    advance(out_);
  }
  void garbage() {
    std::string bytes = protect(kRecordData, "not what it was");
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    send_raw(bytes);
  }

  void read(uint64_t bytes, uint64_t updates) {
    const uint64_t until = received_ + bytes;
    const uint64_t step = updates ? bytes / updates : UINT64_MAX;
    uint64_t next = received_ + step, sent = 0;
    while (received_ < until && receive()) {
      while (updates && sent < updates && received_ >= next - step) {
        update(sent++ % 2 == 0);
        next += step;
      }
    }
  }
  void end() {
    while (receive()) {
    }
    report();
  }
  void body() { in_head_ = true; }
  void cut() { ::shutdown(fd_, SHUT_WR); }

 private:
  void handshake(bool tls12, const char* cipher) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_keylog_callback(context, keylog);
    const int version = tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if ((tls12 ? SSL_CTX_set_cipher_list : SSL_CTX_set_ciphersuites)(context, cipher) != 1) fail("cipher");
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd_);
    if (SSL_connect(ssl) != 1) fail("handshake");
    const auto aead = negotiated_aead(ssl);
    if (!aead) fail("cipher is not one that can be made by hand");
    aead_ = *aead;
    if (tls12) {
      // Named as the server sees them. Each side's Finished was its record 0.
      derive_keys12(ssl, Direction::rx, aead_, out_.keys);
      derive_keys12(ssl, Direction::tx, aead_, in_.keys);
      out_.sequence = in_.sequence = 1;
    } else {
      copy(client_secret, out_);
      copy(server_secret, in_);
    }
    SSL_set_quiet_shutdown(ssl, 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
  }

  void copy(const TrafficSecret& from, Side& to) {
    to.secret.bytes = from.bytes;
    to.secret.size = from.size;
    derive_keys13(to.secret, aead_, to.keys);
  }

  void advance(Side& side) {
    next_secret13(side.secret, aead_);
    derive_keys13(side.secret, aead_, side.keys);
    side.sequence = 0;
  }

  bool take(char* out, size_t size) {
    while (size > 0) {
      const ssize_t n = ::recv(fd_, out, size, 0);
      if (n <= 0) {
        std::printf(n == 0 ? "closed\n" : "reset\n");
        return false;
      }
      out += n;
      size -= static_cast<size_t>(n);
    }
    return true;
  }

  bool receive() {
    std::string record(5, '\0');
    if (!take(record.data(), 5)) return false;
    const size_t length =
        static_cast<size_t>(static_cast<uint8_t>(record[3])) << 8 | static_cast<uint8_t>(record[4]);
    record.resize(5 + length);
    if (!take(record.data() + 5, length)) return false;
    uint8_t type;
    std::string data;
    if (!open_record(in_.keys, in_.sequence++, record, &type, &data)) fail("a record does not open");
    if (type == kRecordData) {
      received_ += data.size();
      if (first_.size() < 64) first_ += data.substr(0, 64);
      hash(data);
    } else if (type == kRecordAlert && data.size() == 2) {
      std::printf("alert %d %d\n", data[0], static_cast<uint8_t>(data[1]));
    } else if (type == kRecordHandshake && data[0] == 24) {
      updates_++;
      const bool requested = data[4] == 1;
      advance(in_);
      if (requested) update(false);
    }
    return true;
  }

  void hash(std::string_view data) {
    if (in_head_) {
      head_ += data;
      const size_t end = head_.find("\r\n\r\n");
      if (end == head_.npos) return;
      in_head_ = false;
      received_ = head_.size() - end - 4;
      EVP_DigestUpdate(hash_, head_.data() + end + 4, received_);
    } else {
      EVP_DigestUpdate(hash_, data.data(), data.size());
    }
  }

  void report() {
    unsigned char digest[32];
    EVP_DigestFinal_ex(hash_, digest, nullptr);
    std::printf("first %s\n", first_.substr(0, first_.find('\r')).c_str());
    std::printf("received %llu\nupdates %llu\ndigest ", static_cast<unsigned long long>(received_),
                static_cast<unsigned long long>(updates_));
    for (const unsigned char byte : digest) std::printf("%02x", byte);
    std::printf("\n");
  }

  int fd_ = -1;
  Aead aead_ = Aead::aes128_gcm;
  Side in_, out_;
  uint64_t received_ = 0, updates_ = 0;
  std::string first_, head_;
  bool in_head_ = false;
  bool holding_ = false;
  std::string held_;
  EVP_MD_CTX* hash_ = EVP_MD_CTX_new();
};

void run(Client& client, std::deque<std::string> commands) {
  const auto next = [&commands] {
    if (commands.empty()) fail("a command lacks its argument");
    std::string word = commands.front();
    commands.pop_front();
    return word;
  };
  const auto number = [&commands, &next] {
    const bool is =
        !commands.empty() && commands.front().find_first_not_of("0123456789") == std::string::npos;
    return is ? std::stoull(next()) : 0;
  };
  while (!commands.empty()) {
    const std::string command = next();
    if (command == "get") {
      client.record(kRecordData, "GET " + next() + " HTTP/1.1\r\nHost: test\r\n\r\n");
    } else if (command == "text") {
      client.record(kRecordData, unescaped(next()));
    } else if (command == "record") {
      const auto type = static_cast<uint8_t>(number());
      client.record(type, from_hex(next()));
    } else if (command == "raw") {
      client.send_raw(from_hex(next()));
    } else if (command == "garbage") {
      client.garbage();
    } else if (command == "update") {
      client.update(number() == 1);
    } else if (command == "split-update") {
      client.split_update();
    } else if (command == "hold") {
      client.hold();
    } else if (command == "release") {
      client.release(number());
    } else if (command == "read") {
      const uint64_t bytes = number();
      client.read(bytes, number());
    } else if (command == "body") {
      client.body();
    } else if (command == "cut") {
      client.cut();
    } else if (command == "end") {
      client.end();
    } else {
      fail("unknown command");
    }
  }
}

}  // namespace
}  // namespace sealgate

int main(int count, char** words) {
  if (count < 5) sealgate::fail("usage: record_client HOST PORT tls12|tls13 CIPHER COMMAND...");
  sealgate::Client client(words[1], static_cast<int>(std::strtol(words[2], nullptr, 10)),
                          std::string(words[3]) == "tls12", words[4]);
  sealgate::run(client, {words + 5, words + count});
}
