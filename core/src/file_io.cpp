// SPDX-License-Identifier: MIT
#include "file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

std::string reason(int error_number) { return std::generic_category().message(error_number); }

[[noreturn]] void unwritable(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kUnwritable, path + ": cannot be written: " + why + ".");
}

// An open file; closed when it goes out of scope.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }

  // For a file that was written: a network file system may report the failure of a write only here.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

// Removes a file when it goes out of scope, unless it was kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void keep() { path_.clear(); }

 private:
  std::string path_;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Returns a name beside `path` that no other thread or process uses, and its open descriptor. Not mkstemp: a model is for
// everyone that the umask allows.
int create_beside(const std::string& path, std::string* temporary_path) {
  static std::atomic<unsigned> counter{0};
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    *temporary_path = path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    const int fd = ::open(temporary_path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    if (errno != EEXIST) unwritable(path, reason(errno));
  }
  unwritable(path, "every temporary name beside it is taken");
}

void write_all(int fd, const std::vector<std::uint8_t>& bytes, const std::string& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0) {
      if (errno == EINTR) continue;
      unwritable(path, reason(errno));
    }
    done += static_cast<std::size_t>(written);
  }
  if (::fsync(fd) != 0) unwritable(path, reason(errno));
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    throw Error(absent ? ErrorCode::kNotFound : ErrorCode::kUnreadable,
                (path.empty() ? "A file without a name" : path) + ": cannot be opened: " + reason(errno) +
                    (absent ? "; check the path." : "; check its permissions."));
  }
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) {
    throw Error(ErrorCode::kUnreadable, path + ": cannot be read: " + reason(errno) + ".");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kUnreadable, path + ": expected a file, found a folder, a pipe or a device.");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_bytes) {
    throw Error(ErrorCode::kUnreadable,
                path + ": expected a file of at most " + std::to_string(max_bytes) + " bytes, found " + std::to_string(size) + ".");
  }
  std::vector<std::uint8_t> bytes(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::kUnreadable, path + ": cannot be read: " + reason(errno) + ".");
    if (got == 0) throw Error(ErrorCode::kUnreadable, path + ": became shorter while it was read; read it again.");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

void write_file_atomically(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  struct stat existing = {};
  if (::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode)) {
    unwritable(path, "a folder, a pipe or a device has this name");
  }
  std::string temporary_path;
  FileDescriptor file(create_beside(path, &temporary_path));
  TemporaryFile temporary(temporary_path);
  write_all(file.get(), bytes, path);
  if (!file.close()) unwritable(path, reason(errno));
  if (std::rename(temporary_path.c_str(), path.c_str()) != 0) unwritable(path, reason(errno));
  temporary.keep();
  // The name is on the disk only when the folder is. Some file systems cannot flush a folder; the file is whole all the same.
  const FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

}  // namespace adainstyle
