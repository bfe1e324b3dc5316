#include "store/decoded_file.h"

#include <brotli/decode.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <string_view>

#include "base/fd.h"
#include "store/sha256.h"

namespace sealgate {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
// The largest window that a client has to have (RFC 9659): 8 MiB.
constexpr int kWindowLog = 23;

using Take = std::function<Status(const char*, size_t)>;

Status no_coding() { return {EBADMSG, "the file is no such coding"}; }

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Hands over what the next bytes decode to. `*whole`: the end of the coded bytes was reached.
  virtual Status decode(std::string_view bytes, const Take& take, bool* whole) = 0;

 protected:
  char out_[kPieceBytes];
};

class BrotliDecoder : public Decoder {
 public:
  BrotliDecoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  Status decode(std::string_view bytes, const Take& take, bool* whole) override {
    if (!state_) return {ENOMEM, "brotli"};
    size_t left = bytes.size();
    auto next = reinterpret_cast<const uint8_t*>(bytes.data());
    for (;;) {
      size_t room = sizeof out_;
      auto out = reinterpret_cast<uint8_t*>(out_);
      const auto result = BrotliDecoderDecompressStream(state_.get(), &left, &next, &room, &out, nullptr);
      if (result == BROTLI_DECODER_RESULT_ERROR) return no_coding();
      if (const Status status = take(out_, sizeof out_ - room); !status.ok()) return status;
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) continue;
      *whole = result == BROTLI_DECODER_RESULT_SUCCESS;
      return *whole && left > 0 ? no_coding() : Status{};
    }
  }

 private:
  struct Free {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Free> state_;
};

class ZstdDecoder : public Decoder {
 public:
  ZstdDecoder() : state_(ZSTD_createDCtx()) {
    if (state_) ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, kWindowLog);
  }
  Status decode(std::string_view bytes, const Take& take, bool* whole) override {
    if (!state_) return {ENOMEM, "zstd"};
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{out_, sizeof out_, 0};
      const size_t rest = ZSTD_decompressStream(state_.get(), &out, &in);
      if (ZSTD_isError(rest)) return no_coding();
      if (const Status status = take(out_, out.pos); !status.ok()) return status;
      *whole = rest == 0;
      if (*whole) return in.pos < in.size ? no_coding() : Status{};
      if (in.pos == in.size && out.pos < out.size) return {};
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* state) const { ZSTD_freeDCtx(state); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> state_;
};

class GzipDecoder : public Decoder {
 public:
  GzipDecoder() : ready_(inflateInit2(&state_, MAX_WBITS + 16) == Z_OK) {}
  ~GzipDecoder() override {
    if (ready_) inflateEnd(&state_);
  }
  Status decode(std::string_view bytes, const Take& take, bool* whole) override {
    if (!ready_) return {ENOMEM, "gzip"};
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
    state_.avail_in = static_cast<uInt>(bytes.size());
    do {
      state_.next_out = reinterpret_cast<Bytef*>(out_);
      state_.avail_out = sizeof out_;
      const int result = inflate(&state_, Z_NO_FLUSH);
      *whole = result == Z_STREAM_END;
      if (!*whole && result != Z_OK && result != Z_BUF_ERROR) return no_coding();
      if (const Status status = take(out_, sizeof out_ - state_.avail_out); !status.ok()) return status;
      if (*whole) return state_.avail_in > 0 ? no_coding() : Status{};
    } while (state_.avail_out == 0);
    return {};
  }

 private:
  z_stream state_{};
  bool ready_;
};

std::unique_ptr<Decoder> decoder(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::br: return std::make_unique<BrotliDecoder>();
    case ContentCoding::zstd: return std::make_unique<ZstdDecoder>();
    default: return std::make_unique<GzipDecoder>();
  }
}

}  // namespace

Status check_decoded(ContentCoding coding, const std::string& path, const Decoded& wanted,
                     const std::function<bool()>& ended) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return Status::last("open");
  const std::unique_ptr<Decoder> it = decoder(coding);
  Sha256 hash;
  uint64_t size = 0;
  const Take take = [&](const char* bytes, size_t count) -> Status {
    size += count;
    return size <= wanted.size ? hash.add(bytes, count) : no_coding();
  };
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  for (bool whole = false;;) {
    if (ended()) return {ECANCELED, "decode a file"};
    const ssize_t n = ::read(fd.get(), piece.get(), kPieceBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::last("read");
    if (n == 0) return whole && size == wanted.size && hash.is(wanted.digest) ? Status{} : no_coding();
    if (whole) return no_coding();
    if (const Status status = it->decode({piece.get(), static_cast<size_t>(n)}, take, &whole); !status.ok())
      return status;
  }
}

}  // namespace sealgate
