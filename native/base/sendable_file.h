// SendableFile: an open file that may be passed to sendfile(2), because its bytes cannot change. Only
// SealedFile (store/sealed_file.h) creates one, after verifying the seal, so sendfile gets no other
// descriptor.
#pragma once

namespace sealgate {

class SendableFile {
 public:
  SendableFile(const SendableFile&) = delete;
  SendableFile& operator=(const SendableFile&) = delete;
  int fd() const { return fd_; }

 protected:
  ~SendableFile() = default;

 private:
  friend class SealedFile;
  explicit SendableFile(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace sealgate
