// SPDX-License-Identifier: MIT
#include "training_log.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "adainstyle/error.h"
#include "file_io.h"

namespace adainstyle {
namespace {

constexpr std::size_t kMaxPngBytes = std::size_t{256} << 20;

template <typename... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
  char text[256];
  std::snprintf(text, sizeof text, format, arguments...);
  return text;
}

std::string time_left(double seconds) {
  const auto whole = static_cast<long>(seconds);
  return formatted("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

// The lines of a JSONL log up to an iteration; none where there is no log. A killed run may have left half a line at the end.
std::string entries_until(const std::string& path, std::uint64_t last) {
  std::ifstream log(path);
  std::string kept;
  for (std::string line; std::getline(log, line);) {
    const nlohmann::json entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (entry.is_object() && entry.value("iteration", std::uint64_t{0}) <= last) kept += line + "\n";
  }
  return kept;
}

}  // namespace

TrainingLog::TrainingLog(const std::string& folder, int every, std::uint64_t first, std::uint64_t end, int pictures_per_iteration)
    : folder_(folder),
      every_(every),
      end_(end),
      pictures_(pictures_per_iteration),
      terminal_(::isatty(STDERR_FILENO) != 0),
      shown_iteration_(first) {
  if (folder_.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (first > 0) go_back_to(first);
  if (!jsonl_.is_open()) jsonl_.open(jsonl_path(), std::ios::app);
  if (error || !jsonl_) throw Error(ErrorCode::kUnwritable, "Cannot write into the log folder " + folder_ + ".");
  events_ = std::make_unique<EventWriter>(folder_);
}

void TrainingLog::go_back_to(std::uint64_t done) {
  sums_.clear();
  norm_sum_ = 0.0;
  shown_iteration_ = done;
  shown_ = Clock::now();
  if (folder_.empty()) return;
  jsonl_.close();
  const std::string kept = entries_until(jsonl_path(), done);
  write_file_atomically(jsonl_path(), std::vector<std::uint8_t>(kept.begin(), kept.end()));
  jsonl_.open(jsonl_path(), std::ios::app);
}

void TrainingLog::append(const nlohmann::json& entry) {
  if (!jsonl_.is_open()) return;
  jsonl_ << entry.dump() << std::endl;
  if (!jsonl_) throw Error(ErrorCode::kUnwritable, "Cannot write " + jsonl_path() + "; is the disk full?");
}

void TrainingLog::show(std::uint64_t done, const std::string& text, double seconds_per_iteration) {
  constexpr int kBar = 24;
  const std::string speed = formatted("%.2f images/s, ", pictures_ / seconds_per_iteration) +
                            time_left(seconds_per_iteration * static_cast<double>(end_ - done)) + " left";
  const std::string count = std::to_string(done) + "/" + std::to_string(end_);
  if (!terminal_) {
    std::fprintf(stderr, "%s%s  %s\n", count.c_str(), text.c_str(), speed.c_str());
    return;
  }
  const auto filled = static_cast<std::size_t>(kBar * done / std::max<std::uint64_t>(end_, 1));
  const std::string bar = std::string(filled, '#') + std::string(kBar - filled, '.');
  std::fprintf(stderr, "\r\033[K[%s] %s%s  %s", bar.c_str(), count.c_str(), text.c_str(), speed.c_str());
  if (done == end_) std::fputc('\n', stderr);
}

void TrainingLog::iteration(std::uint64_t done, const LossValues& losses, double gradient_norm, double rate) {
  for (const auto& [name, value] : losses) sums_[name] += value;
  norm_sum_ += gradient_norm;
  const std::uint64_t since = done - shown_iteration_;
  if (since < static_cast<std::uint64_t>(every_) && done != end_) return;

  const auto count = static_cast<double>(since);
  const double seconds = std::chrono::duration<double>(Clock::now() - shown_).count() / count;
  nlohmann::json entry = {{"kind", "train"}, {"iteration", done}, {"lr", rate}, {"seconds_per_iteration", seconds}};
  entry["gradient_norm"] = norm_sum_ / count;
  std::string text;
  for (const auto& [name, sum] : sums_) {
    entry[name] = sum / count;
    text += formatted("  %s %.4f", name.c_str(), sum / count);
    if (events_) events_->scalar("loss/" + name, done, sum / count);
  }
  if (events_) {
    events_->scalar("lr", done, rate);
    events_->scalar("gradient_norm", done, norm_sum_ / count);
    events_->scalar("images_per_second", done, pictures_ / seconds);
  }
  append(entry);
  show(done, text, seconds);
  sums_.clear();
  norm_sum_ = 0.0;
  shown_iteration_ = done;
  shown_ = Clock::now();
}

void TrainingLog::validation(std::uint64_t done, const Measurement& measurement, const DecodedImage& grid) {
  nlohmann::json entry = to_json(measurement);
  entry["iteration"] = done;
  entry["kind"] = "validation";
  append(entry);
  message(std::to_string(done) + formatted("  validation: Ls %.3f  Lt %.3f  Lin %.3f  static gain %.2f", measurement.mean.style,
                                           measurement.mean.target, measurement.mean.content, measurement.static_gain));
  if (!events_) return;
  events_->scalar("validation/Ls", done, measurement.mean.style);
  events_->scalar("validation/Lt", done, measurement.mean.target);
  events_->scalar("validation/Lin", done, measurement.mean.content);
  events_->scalar("validation/static_gain", done, measurement.static_gain);
  const std::string path = folder_ + "/grid-" + std::to_string(done) + ".png";
  write_png(path, grid);
  events_->image("validation/grid", done, grid.width, grid.height, read_file(path, kMaxPngBytes));
}

void TrainingLog::message(const std::string& text) { std::fprintf(stderr, terminal_ ? "\r\033[K%s\n" : "%s\n", text.c_str()); }

}  // namespace adainstyle
