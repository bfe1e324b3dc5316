// Files in another content coding: what comes out decodes to what went in, by the libraries' own decoders.
#include "store/coded_file.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>

#include <doctest/doctest.h>
#include "test/coded.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

bool goes_on() { return false; }
constexpr uint64_t kAny = UINT64_MAX;
constexpr auto kAll = {ContentCoding::br, ContentCoding::zstd, ContentCoding::gzip};

std::string decoded(ContentCoding coding, const std::string& coded, size_t most) {
  std::string out(most + 1, '\0');
  size_t size = out.size();
  if (coding == ContentCoding::br) {
    CHECK_EQ(BrotliDecoderDecompress(coded.size(), reinterpret_cast<const uint8_t*>(coded.data()), &size,
                                     reinterpret_cast<uint8_t*>(out.data())),
             BROTLI_DECODER_RESULT_SUCCESS);
  } else if (coding == ContentCoding::zstd) {
    size = ZSTD_decompress(out.data(), out.size(), coded.data(), coded.size());
    CHECK(!ZSTD_isError(size));
  } else {
    z_stream state{};
    CHECK_EQ(inflateInit2(&state, MAX_WBITS + 16), Z_OK);
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
    state.avail_in = static_cast<uInt>(coded.size());
    state.next_out = reinterpret_cast<Bytef*>(out.data());
    state.avail_out = static_cast<uInt>(out.size());
    CHECK_EQ(inflate(&state, Z_FINISH), Z_STREAM_END);
    CHECK_EQ(state.avail_in, 0);
    size = state.total_out;
    inflateEnd(&state);
  }
  out.resize(std::min(size, out.size()));
  return out;
}

// Text of so many bytes that no coding makes a few bytes of.
std::string text_of(size_t size) {
  std::string out;
  for (uint64_t x = 1; out.size() < size; x = x * 6364136223846793005u + 1442695040888963407u)
    out += "word" + std::to_string(x >> 52) + ' ';
  out.resize(size);
  return out;
}

struct Coded {
  TempDir dir;
  Status status;
  StagingFile staging;

  Coded(ContentCoding coding, const std::string& bytes, uint64_t most,
        const std::function<bool()>& ended = goes_on) {
    std::ofstream(dir.at("source"), std::ios::binary) << bytes;
    status = code_file(coding, dir.at("source"), sha256(bytes), most, ended, staging, dir.at("coded"));
  }
  std::string bytes() const { return bytes_of(dir.at("coded")); }
};

TEST_CASE("files of every size decode to what they were, and text becomes smaller") {
  for (const ContentCoding coding : kAll)
    for (const size_t size : {0ul, 1ul, 65535ul, 65536ul, 65537ul, 300'000ul, 1'048'576ul, 1'048'577ul}) {
      const std::string bytes = text_of(size);
      Coded coded(coding, bytes, kAny);
      REQUIRE(coded.status.ok());
      CHECK_EQ(coded.staging.size(), coded.bytes().size());
      CHECK(decoded(coding, coded.bytes(), size) == bytes);
      if (size > 65536) CHECK_LT(coded.staging.size(), size / 2);
    }
}

TEST_CASE("a result of exactly the most is kept, one byte more is EFBIG and leaves no file") {
  for (const ContentCoding coding : kAll) {
    const std::string bytes = text_of(100'000);
    const uint64_t size = Coded(coding, bytes, kAny).staging.size();
    CHECK(Coded(coding, bytes, size).status.ok());
    TempDir dir;
    std::ofstream(dir.at("source"), std::ios::binary) << bytes;
    {
      StagingFile staging;
      CHECK_EQ(code_file(coding, dir.at("source"), sha256(bytes), size - 1, goes_on, staging, dir.at("coded"))
                   .error,
               EFBIG);
    }
    CHECK(!std::ifstream(dir.at("coded")).is_open());
  }
}

TEST_CASE("the same file is coded to the same bytes") {
  for (const ContentCoding coding : kAll) {
    const std::string bytes = text_of(200'000);
    CHECK_EQ(Coded(coding, bytes, kAny).bytes(), Coded(coding, bytes, kAny).bytes());
  }
}

TEST_CASE("a file that has another digest is EBADMSG, and no coding of it is left") {
  for (const ContentCoding coding : kAll) {
    TempDir dir;
    std::ofstream(dir.at("source"), std::ios::binary) << text_of(100'000);
    {
      StagingFile staging;
      const std::string other = sha256(text_of(99'999));
      CHECK_EQ(code_file(coding, dir.at("source"), other, kAny, goes_on, staging, dir.at("coded")).error,
               EBADMSG);
    }
    CHECK(!std::ifstream(dir.at("coded")).is_open());
  }
}

TEST_CASE("coding ends with ECANCELED where it is to end, and with the errno of a file that cannot be read") {
  const auto ended = [] { return true; };
  CHECK_EQ(Coded(ContentCoding::br, "text", kAny, ended).status.error, ECANCELED);
  TempDir dir;
  StagingFile staging;
  CHECK_EQ(code_file(ContentCoding::gzip, dir.at("none"), sha256(""), kAny, goes_on, staging, dir.at("coded"))
               .error,
           ENOENT);
}

}  // namespace
}  // namespace sealgate
