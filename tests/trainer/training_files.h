// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "safetensors.h"

namespace adainstyle::test {

// A picture of random soft shapes, the same for the same seed, written as PNG.
void write_random_picture(const std::string& path, int width, int height, std::uint64_t seed);

// VGG-19 up to conv4_1 with random weights that keep the size of features (names as in the preset vgg19, with conv0).
std::map<std::string, TensorData> random_vgg(std::uint64_t seed);

// A folder with everything a small training needs: content/, style/ (six pictures each) and vgg.safetensors.
void make_training_files(const std::string& folder);

// The built program, run as a user runs it.
class TrainerProcess {
 public:
  // environment: NAME=VALUE, added to this process's own. The program's standard error goes to a file `stderr_path`.
  TrainerProcess(const std::vector<std::string>& arguments, const std::string& stderr_path,
                 const std::vector<std::string>& environment = {});
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  void signal(int number) const;

  // Waits for the end: the exit status, or minus the signal that ended it.
  int wait();

  // Waits until `text` is on standard error; false where the program ends first.
  bool wait_for_message(const std::string& text);

  std::string messages() const;

 private:
  int pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
  std::string stderr_path_;
};

}  // namespace adainstyle::test
