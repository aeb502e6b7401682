// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "event_writer.h"
#include "image_file.h"
#include "training_step.h"
#include "validation.h"

namespace adainstyle {

// What a person sees of a training: a progress bar (plain lines where standard error is not a terminal), and in a folder a JSONL
// log, TensorBoard events and validation grids.
class TrainingLog {
 public:
  // folder: empty for none. first: iterations done already; what the log of an earlier, killed run says beyond them goes.
  // Throws Error(kUnwritable).
  TrainingLog(const std::string& folder, int every, std::uint64_t first, std::uint64_t end, int pictures_per_iteration);

  // One iteration done; every so many are averaged into an entry.
  void iteration(std::uint64_t done, const LossValues& losses, double gradient_norm, double rate);
  void validation(std::uint64_t done, const Measurement& measurement, const DecodedImage& grid);
  void message(const std::string& text);

  // The training goes on from an earlier iteration: what the JSONL log says beyond it goes.
  void go_back_to(std::uint64_t done);

 private:
  using Clock = std::chrono::steady_clock;

  void append(const nlohmann::json& entry);
  void show(std::uint64_t done, const std::string& text, double seconds_per_iteration);

  std::string jsonl_path() const { return folder_ + "/log.jsonl"; }

  const std::string folder_;
  const int every_;
  const std::uint64_t end_;
  const int pictures_;
  const bool terminal_;
  std::ofstream jsonl_;
  std::unique_ptr<EventWriter> events_;
  LossValues sums_;
  double norm_sum_ = 0.0;
  std::uint64_t shown_iteration_;
  Clock::time_point shown_ = Clock::now();
};

}  // namespace adainstyle
