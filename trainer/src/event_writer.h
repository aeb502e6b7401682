// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace adainstyle {

// Writes what TensorBoard reads: a file of TFRecords (length and data, each followed by its masked CRC-32C), each a tensorflow.Event
// in protocol-buffer encoding (github.com/tensorflow/tensorboard, tensorboard/compat/proto/event.proto and summary.proto).
class EventWriter {
 public:
  // Makes a file of its own in `folder`; a resumed training adds another. Throws Error(kUnwritable).
  explicit EventWriter(const std::string& folder);

  void scalar(const std::string& tag, std::uint64_t step, double value);
  void image(const std::string& tag, std::uint64_t step, int width, int height, const std::vector<std::uint8_t>& png);

 private:
  void write_event(std::uint64_t step, const std::string& field);

  std::string path_;
  std::ofstream file_;
};

}  // namespace adainstyle
