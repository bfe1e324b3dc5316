// load: HTTP/1.1 clients of the benchmarks, one thread of them. Every connection has one request under way.
// The first answer on a connection is read as any client would; of later ones only the length is checked, by
// the headers of their TLS records, because a client that decrypts is slower than the server it measures.
//
//   load PORT PATH [tls] [connections=N] [idle=N] [objects=N] [every=MILLISECONDS] [field=LINE]
//
// {} in PATH becomes a number below `objects`, another one for each request until all were asked for. PATH
// may be several with blanks between, which are asked for in the same way; their answers are equally long.
// With `idle`, so many more connections make one request and then wait. `field` is a further line of each
// head. With `every`, a connection asks once in that time, and a latency counts from when the request was
// due; else it asks again at once.
//
// Prints `ready` when all are connected. Then answers each line of standard input, `seconds S` or
// `requests N`, with a line of JSON: requests, bytes (of the answers), seconds, p50, p99 and worst
// (microseconds). TLS 1.3 with AES-128-GCM; no certificate is checked.
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <queue>
#include <sstream>
#include <string>
#include <vector>

#include "client.h"

namespace {

using namespace bench;

struct Options {
  int port;
  std::string path;
  std::string field;  // a further line of the head, with its end; or empty
  bool tls = false;
  size_t connections = 1, idle = 0, objects = 1;
  double every = 0;  // seconds; 0: at once
};

struct Limit {
  double seconds = 1e9;
  size_t requests = SIZE_MAX;
};

// Numbers below `count`, each once before any comes again, and not in order: what is near in a directory or
// an index is not asked for together.
class Objects {
 public:
  explicit Objects(size_t count) : count_(count) {}
  size_t next() { return drawn_++ * kStride % count_; }

 private:
  static constexpr size_t kStride = 999'983;  // prime, so that all numbers come
  size_t count_, drawn_ = 0;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream from(text);
  return {std::istream_iterator<std::string>(from), {}};
}

struct Client {
  Connection connection;
  double asked = 0;  // when its request was sent, or was due
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), paths_(words_of(options.path)), objects_(options.objects * paths_.size()) {
    differ_ = paths_.size() > 1 || options.path.find("{}") != std::string::npos;
    if (!differ_) fixed_ = request();
    for (size_t i = 0; i < options.idle; i++) idle_.push_back(open());
    for (size_t i = 0; i < options.connections; i++) clients_.push_back({open()});
    for (Client& client : clients_) {
      client.connection.do_not_block();
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &client}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.connection.fd(), &event);
    }
  }

  void run(const Limit& limit) {
    begin(limit);
    epoll_event events[256];
    while (under_way_ > 0 || (!due_.empty() && !over())) {
      const int count = ::epoll_wait(epoll_, events, 256, wait());
      if (count == 0 && under_way_ > 0 && due_.empty())
        fail_with("no whole answer for 20 s; one shorter than the first is waited for too");
      for (int i = 0; i < count; i++) receive(*static_cast<Client*>(events[i].data.ptr));
      while (!due_.empty() && !over() && due_.top().first <= now()) {
        Client& client = *due_.top().second;
        const double at = due_.top().first;
        due_.pop();
        ask(client, at);
      }
    }
    report();
  }

 private:
  using Due = std::pair<double, Client*>;

  std::string request() {
    const size_t number = objects_.next();
    std::string path = paths_[number % paths_.size()];
    const size_t mark = path.find("{}");
    if (mark != path.npos) path.replace(mark, 2, std::to_string(number / paths_.size()));
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + options_.field + "\r\n";
  }
  Connection open() {
    Connection connection(options_.port, options_.tls);
    connection.first_answer(request());
    return connection;
  }

  void begin(const Limit& limit) {
    limit_ = limit;
    latencies_.clear();
    issued_ = bytes_ = 0;
    due_ = {};
    started_ = now();
    for (size_t i = 0; i < clients_.size(); i++) {
      const double after = options_.every * static_cast<double>(i) / static_cast<double>(clients_.size());
      if (options_.every > 0) {
        due_.emplace(started_ + after, &clients_[i]);
      } else if (!over()) {
        ask(clients_[i], now());
      }
    }
  }
  bool over() const { return issued_ >= limit_.requests || now() - started_ >= limit_.seconds; }
  int wait() const {
    if (due_.empty()) return 20'000;
    return std::clamp(static_cast<int>((due_.top().first - now()) * 1e3), 0, 1000);
  }
  void ask(Client& client, double at) {
    client.asked = at;
    client.connection.send(differ_ ? request() : fixed_);
    issued_++;
    under_way_++;
  }
  void receive(Client& client) {
    if (!client.connection.receive()) return;
    latencies_.push_back(static_cast<float>((now() - client.asked) * 1e6));
    bytes_ += client.connection.answer_bytes();
    under_way_--;
    if (options_.every > 0) {
      due_.emplace(client.asked + options_.every, &client);
    } else if (!over()) {
      ask(client, now());
    }
  }

  float quantile(double q) {
    if (latencies_.empty()) return 0;
    const auto at =
        latencies_.begin() + static_cast<ptrdiff_t>(q * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), at, latencies_.end());
    return *at;
  }
  void report() {
    std::printf(
        "{\"requests\":%zu,\"bytes\":%zu,\"seconds\":%.6f,\"p50\":%.1f,\"p99\":%.1f,\"worst\":%.1f}\n",
        latencies_.size(), bytes_, now() - started_, quantile(0.5), quantile(0.99), quantile(1));
    std::fflush(stdout);
  }

  Options options_;
  std::vector<std::string> paths_;
  Objects objects_;
  std::string fixed_;
  bool differ_ = false;
  std::vector<Connection> idle_;
  std::vector<Client> clients_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<float> latencies_;  // microseconds
  Limit limit_;
  double started_ = 0;
  size_t issued_ = 0, under_way_ = 0, bytes_ = 0;
};

// The value of `name=value` when that is the word.
bool take(const std::string& word, const char* name, double* value) {
  const std::string start = std::string(name) + "=";
  if (word.rfind(start, 0) != 0) return false;
  *value = std::strtod(word.c_str() + start.size(), nullptr);
  return true;
}

Options options_of(int count, char** words) {
  if (count < 3) fail_with("usage: load PORT PATH [tls] [OPTION=VALUE...]; load.cc tells which there are");
  Options options{static_cast<int>(std::strtol(words[1], nullptr, 10)), words[2]};
  for (int i = 3; i < count; i++) {
    const std::string word = words[i];
    double value = 0;
    if (word == "tls") {
      options.tls = true;
    } else if (take(word, "connections", &value)) {
      options.connections = static_cast<size_t>(value);
    } else if (take(word, "idle", &value)) {
      options.idle = static_cast<size_t>(value);
    } else if (take(word, "objects", &value)) {
      options.objects = std::max<size_t>(static_cast<size_t>(value), 1);
    } else if (take(word, "every", &value)) {
      options.every = value / 1e3;
    } else if (word.rfind("field=", 0) == 0) {
      options.field = word.substr(6) + "\r\n";
    } else {
      fail_with(("no such option: " + word).c_str());
    }
  }
  return options;
}

}  // namespace

int main(int count, char** words) {
  const Options options = options_of(count, words);
  Load load(options);
  std::printf("ready\n");
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    Limit limit;
    size_t requests = 0;
    if (std::sscanf(line, "seconds %lf", &limit.seconds) == 1) {
      load.run(limit);
    } else if (std::sscanf(line, "requests %zu", &requests) == 1) {
      load.run({.requests = requests});
    } else {
      fail_with("expected `seconds S` or `requests N`");
    }
  }
}
