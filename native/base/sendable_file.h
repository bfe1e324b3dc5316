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
  // The kernel itself refuses that anybody changes it, so its pages may still be read after they were sent.
  bool held_by_kernel() const { return held_by_kernel_; }

 protected:
  ~SendableFile() = default;

 private:
  friend class SealedFile;
  SendableFile(int fd, bool held_by_kernel) : fd_(fd), held_by_kernel_(held_by_kernel) {}
  const int fd_;
  const bool held_by_kernel_;
};

}  // namespace sealgate
