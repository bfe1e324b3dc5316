#include "store/coded_file.h"

#include <brotli/encode.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "store/sha256.h"

namespace sealgate {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
// Up to this size a file is coded as small as it gets: some seconds.
constexpr uint64_t kSmallBytes = 1024 * 1024;
constexpr int kLeastPriority = 19;

using Take = std::function<Status(const char*, size_t)>;

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Hands over what comes out of the next bytes; `last`: none follow.
  virtual Status code(std::string_view bytes, bool last, const Take& take) = 0;

 protected:
  char out_[kPieceBytes];
};

class Brotli : public Encoder {
 public:
  explicit Brotli(uint64_t size) : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (!state_) return;
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY, size <= kSmallBytes ? 11 : 9);
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, BROTLI_MAX_WINDOW_BITS);
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_SIZE_HINT, static_cast<uint32_t>(size));
  }
  Status code(std::string_view bytes, bool last, const Take& take) override {
    if (!state_) return {ENOMEM, "brotli"};
    size_t left = bytes.size();
    auto next = reinterpret_cast<const uint8_t*>(bytes.data());
    const auto operation = last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    do {
      size_t room = sizeof out_;
      auto out = reinterpret_cast<uint8_t*>(out_);
      if (!BrotliEncoderCompressStream(state_.get(), operation, &left, &next, &room, &out, nullptr))
        return {EIO, "brotli"};
      if (const Status status = take(out_, sizeof out_ - room); !status.ok()) return status;
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_.get()));
    return {};
  }

 private:
  struct Free {
    void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliEncoderState, Free> state_;
};

class Zstd : public Encoder {
 public:
  explicit Zstd(uint64_t size) : state_(ZSTD_createCCtx()) {
    if (!state_) return;
    // No window above 8 MiB (RFC 9659).
    ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_compressionLevel, size <= kSmallBytes ? 19 : 12);
    ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_windowLog, size <= kSmallBytes ? 0 : 23);
    ZSTD_CCtx_setPledgedSrcSize(state_.get(), size);
  }
  Status code(std::string_view bytes, bool last, const Take& take) override {
    if (!state_) return {ENOMEM, "zstd"};
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{out_, sizeof out_, 0};
      const size_t rest = ZSTD_compressStream2(state_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(rest)) return {EIO, "zstd"};
      if (const Status status = take(out_, out.pos); !status.ok()) return status;
      if (last ? rest == 0 : in.pos == in.size) return {};
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* state) const { ZSTD_freeCCtx(state); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> state_;
};

class Gzip : public Encoder {
 public:
  // 16: with the head and the end of gzip, without a name and a time.
  Gzip() : ready_(deflateInit2(&state_, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK) {}
  ~Gzip() override {
    if (ready_) deflateEnd(&state_);
  }
  Status code(std::string_view bytes, bool last, const Take& take) override {
    if (!ready_) return {ENOMEM, "gzip"};
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
    state_.avail_in = static_cast<uInt>(bytes.size());
    do {
      state_.next_out = reinterpret_cast<Bytef*>(out_);
      state_.avail_out = sizeof out_;
      if (deflate(&state_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) return {EIO, "gzip"};
      if (const Status status = take(out_, sizeof out_ - state_.avail_out); !status.ok()) return status;
    } while (state_.avail_out == 0);
    return {};
  }

 private:
  z_stream state_{};
  bool ready_;
};

std::unique_ptr<Encoder> encoder(ContentCoding coding, uint64_t size) {
  switch (coding) {
    case ContentCoding::br: return std::make_unique<Brotli>(size);
    case ContentCoding::zstd: return std::make_unique<Zstd>(size);
    default: return std::make_unique<Gzip>();
  }
}

}  // namespace

Status code_file(ContentCoding coding, const std::string& source, const std::string& digest, uint64_t most,
                 const std::function<bool()>& ended, StagingFile& staging, const std::string& staging_path) {
  const Fd fd(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return Status::last("open");
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return Status::last("fstat");
  if (const Status status = staging.open(staging_path); !status.ok()) return status;
  const std::unique_ptr<Encoder> coder = encoder(coding, static_cast<uint64_t>(st.st_size));
  const Take take = [&](const char* bytes, size_t count) -> Status {
    if (staging.size() + count > most) return {EFBIG, "the coded file"};
    return staging.write(bytes, count);
  };
  Sha256 hash;
  uint64_t left = static_cast<uint64_t>(st.st_size);
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  for (;;) {
    if (ended()) return {ECANCELED, "code a file"};
    const ssize_t n = ::read(fd.get(), piece.get(), std::min<uint64_t>(left, kPieceBytes));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::last("read");
    const auto count = static_cast<size_t>(n);
    left -= count;
    if (const Status status = hash.add(piece.get(), count); !status.ok()) return status;
    const bool last = left == 0 || n == 0;
    if (last && !hash.is(digest)) return {EBADMSG, "the file has another digest"};
    if (const Status status = coder->code({piece.get(), count}, last, take); !status.ok()) return status;
    if (last) return staging.finish();
  }
}

void run_behind_others() { ::setpriority(PRIO_PROCESS, 0, kLeastPriority); }

}  // namespace sealgate
