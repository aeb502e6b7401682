// SPDX-License-Identifier: MIT
#include "event_writer.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

// CRC-32C (Castagnoli), one byte at a time.
std::uint32_t crc32c(const std::string& bytes) {
  static const std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table = {};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);
      table[i] = value;
    }
    return table;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xff];
  return crc ^ 0xffffffffu;
}

template <typename Number>
std::string little_endian(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

std::string masked_crc(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return little_endian<std::uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8u);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

// Fields of a protocol-buffer message: the number, the wire type, the value.
std::string integer_field(int number, std::uint64_t value) { return varint(number << 3) + varint(value); }
std::string double_field(int number, double value) { return varint(number << 3 | 1) + little_endian(value); }
std::string float_field(int number, float value) { return varint(number << 3 | 5) + little_endian(value); }
std::string bytes_field(int number, const std::string& value) { return varint(number << 3 | 2) + varint(value.size()) + value; }

constexpr int kSummary = 5;  // field of Event

}  // namespace

EventWriter::EventWriter(const std::string& folder) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  path_ = folder + "/events.out.tfevents." + std::to_string(seconds) + "." + std::to_string(::getpid());
  file_.open(path_, std::ios::binary);
  write_event(0, bytes_field(3, "brain.Event:2"));
}

void EventWriter::write_event(std::uint64_t step, const std::string& field) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string event = double_field(1, now) + integer_field(2, step) + field;
  const std::string length = little_endian<std::uint64_t>(event.size());
  file_ << length << masked_crc(length) << event << masked_crc(event);
  if (!file_.flush()) throw Error(ErrorCode::kUnwritable, "Cannot write " + path_ + "; is the disk full?");
}

void EventWriter::scalar(const std::string& tag, std::uint64_t step, double value) {
  const std::string summary = bytes_field(1, tag) + float_field(2, static_cast<float>(value));
  write_event(step, bytes_field(kSummary, bytes_field(1, summary)));
}

void EventWriter::image(const std::string& tag, std::uint64_t step, int width, int height, const std::vector<std::uint8_t>& png) {
  constexpr int kRgb = 3;
  const std::string picture = integer_field(1, height) + integer_field(2, width) + integer_field(3, kRgb) +
                              bytes_field(4, std::string(png.begin(), png.end()));
  const std::string summary = bytes_field(1, tag) + bytes_field(4, picture);
  write_event(step, bytes_field(kSummary, bytes_field(1, summary)));
}

}  // namespace adainstyle
