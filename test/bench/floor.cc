// The floor: the least that one thread can do to answer GETs of one file, over TLS 1.3 with AES-128-GCM or
// plain. It parses nothing and knows no timeouts; whatever it reads is a request, and every request gets the
// same answer.   usage: floor FILE [CERTIFICATE KEY]   prints `listening PORT`, then serves 127.0.0.1 until
// it is killed
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

struct Connection {
  int fd;
  SSL* ssl;         // null: plain
  size_t left = 0;  // bytes of the answer that OpenSSL or the socket has not taken
};

static const char* answer;  // head and body, contiguous
static size_t answer_size, head_size;
static int file;
constexpr size_t kWriteBytes = 256 * 1024;

[[noreturn]] static void fail(const char* what) {
  perror(what);
  exit(1);
}

// The file is mapped right behind a page whose last bytes are the response head: one buffer, no copy.
static void map_answer(const char* path) {
  file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st {};
  if (file < 0 || fstat(file, &st) != 0) fail(path);
  size_t page = sysconf(_SC_PAGESIZE), size = st.st_size;
  int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  char* base = static_cast<char*>(mmap(nullptr, page + size, PROT_READ | PROT_WRITE, anonymous, -1, 0));
  if (base == MAP_FAILED) fail("mmap");
  char* body = base + page;
  int shared = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  if (mmap(body, size, PROT_READ, shared, file, 0) == MAP_FAILED) fail("mmap");
  char head[256];
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
                        "ETag: \"0\"\r\nCache-Control: public, max-age=31536000, immutable\r\n\r\n",
                        size);
  memcpy(body - length, head, length);
  answer = body - length;
  head_size = length;
  answer_size = length + size;
}

static SSL_CTX* make_context(const char* certificate, const char* key) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_read_ahead(context, 1);
  if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1) fail(certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) fail(key);
  return context;
}

static int listen_on_loopback() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, length) != 0 || listen(fd, 512) != 0) fail("listen");
  getsockname(fd, generic, &length);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void accept_all(int epoll, int listener, SSL_CTX* context) {
  for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto* connection = new Connection{fd, context ? SSL_new(context) : nullptr};
    if (context) {
      SSL_set_fd(connection->ssl, fd);
      SSL_set_accept_state(connection->ssl);
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = connection}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void watch(int epoll, Connection* connection, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = connection}};
  epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

enum class Step { done, wait, over };

static Step read_request(Connection* connection) {
  char request[16 * 1024];
  if (!connection->ssl) {
    ssize_t got = recv(connection->fd, request, sizeof request, 0);
    return got > 0 ? Step::done : got < 0 && errno == EAGAIN ? Step::wait : Step::over;
  }
  int got = SSL_read(connection->ssl, request, sizeof request);
  if (got > 0) return Step::done;
  return SSL_get_error(connection->ssl, got) == SSL_ERROR_WANT_READ ? Step::wait : Step::over;
}

// A small answer leaves in one call. Of a large one the head is copied, and the body never.
static ssize_t send_plain(Connection* connection, size_t at) {
  if (answer_size <= kWriteBytes) return send(connection->fd, answer + at, connection->left, MSG_NOSIGNAL);
  if (at < head_size) return send(connection->fd, answer + at, head_size - at, MSG_NOSIGNAL | MSG_MORE);
  off_t offset = at - head_size;
  return sendfile(connection->fd, file, &offset, connection->left);
}

static Step write_some(Connection* connection) {
  size_t at = answer_size - connection->left, written = 0;
  if (!connection->ssl) {
    ssize_t sent = send_plain(connection, at);
    if (sent <= 0) return sent < 0 && errno == EAGAIN ? Step::wait : Step::over;
    written = sent;
  } else {
    size_t size = std::min(connection->left, kWriteBytes);
    int done = SSL_write_ex(connection->ssl, answer + at, size, &written);
    if (done != 1)
      return SSL_get_error(connection->ssl, done) == SSL_ERROR_WANT_WRITE ? Step::wait : Step::over;
  }
  connection->left -= written;
  return Step::done;
}

// One request read and its answer written, as far as the socket takes it. False when the connection is over.
static bool serve(int epoll, Connection* connection, bool was_writing) {
  if (connection->left == 0) {
    Step step = read_request(connection);
    if (step != Step::done) return step == Step::wait;
    connection->left = answer_size;
  }
  while (connection->left > 0) {
    Step step = write_some(connection);
    if (step == Step::over) return false;
    if (step == Step::done) continue;
    if (!was_writing) watch(epoll, connection, EPOLLOUT);
    return true;
  }
  if (was_writing) watch(epoll, connection, EPOLLIN);
  return true;
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    fprintf(stderr, "usage: floor FILE [CERTIFICATE KEY]\n");
    return 2;
  }
  map_answer(argv[1]);
  SSL_CTX* context = argc == 4 ? make_context(argv[2], argv[3]) : nullptr;
  int listener = listen_on_loopback(), epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event incoming{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &incoming);
  for (epoll_event events[256];;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection == nullptr) {
        accept_all(epoll, listener, context);
      } else if (!serve(epoll, connection, events[i].events & EPOLLOUT)) {
        close(connection->fd);
        SSL_free(connection->ssl);
        delete connection;
      }
    }
  }
}
