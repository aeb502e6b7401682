// SPDX-License-Identifier: MIT
#include "training_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <thread>

#include "file_io.h"
#include "image_file.h"
#include "network_presets.h"

namespace adainstyle::test {

void write_random_picture(const std::string& path, int width, int height, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  double waves[3][4];
  for (auto& wave : waves) {
    for (double& value : wave) value = uniform(random);
  }
  DecodedImage image;
  image.width = width;
  image.height = height;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const auto& wave : waves) {
        const double value =
            0.5 + 0.4 * std::sin(wave[0] * x * 0.3 + wave[1] * y * 0.3 + 6.0 * wave[2]) + 0.1 * (uniform(random) - 0.5);
        image.rgb.push_back(static_cast<std::uint8_t>(255.0 * value));
      }
    }
  }
  write_png(path, image);
}

std::map<std::string, TensorData> random_vgg(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::map<std::string, TensorData> weights;
  for (const TensorSpec& spec : required_tensors(preset_network("vgg19"))) {
    if (spec.name.rfind("decoder.", 0) == 0) continue;
    TensorData tensor;
    tensor.shape = spec.shape;
    std::size_t count = 1;
    for (const std::int64_t extent : spec.shape) count *= static_cast<std::size_t>(extent);
    const std::size_t inputs = count / static_cast<std::size_t>(spec.shape[0]);
    const float scale = spec.shape.size() == 4 ? std::sqrt(2.0f / static_cast<float>(inputs)) : 0.1f;
    for (std::size_t i = 0; i < count; ++i) tensor.values.push_back(scale * normal(random));
    weights[spec.name] = std::move(tensor);
  }
  return weights;
}

void make_training_files(const std::string& folder) {
  for (const char* kind : {"content", "style"}) {
    std::filesystem::create_directories(folder + "/" + kind);
    for (int i = 0; i < 6; ++i) {
      write_random_picture(folder + "/" + kind + "/" + std::to_string(i) + ".png", 56 + 3 * i, 60 - i,
                           static_cast<std::uint64_t>(i + (kind[0] == 's' ? 100 : 0)));
    }
  }
  SafetensorsFile file;
  file.tensors = random_vgg(7);
  write_file_atomically(folder + "/vgg.safetensors", serialize_safetensors(file, DataType::kF32));
}

TrainerProcess::TrainerProcess(const std::vector<std::string>& arguments, const std::string& stderr_path,
                               const std::vector<std::string>& environment)
    : stderr_path_(stderr_path) {
  const char* program = std::getenv("ADAINSTYLE_TRAINER");
  if (program == nullptr) throw std::runtime_error("ADAINSTYLE_TRAINER is not set; run the tests with meson test");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot start a process");
  if (pid_ > 0) return;
  const int file = ::open(stderr_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  if (file < 0 || ::dup2(file, STDERR_FILENO) < 0 || ::dup2(file, STDOUT_FILENO) < 0) ::_exit(126);
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  std::vector<char*> argv = {const_cast<char*>(program)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(program, argv.data());
  ::_exit(127);
}

TrainerProcess::~TrainerProcess() {
  if (ended_) return;
  ::kill(pid_, SIGKILL);
  wait();
}

void TrainerProcess::signal(int number) const { ::kill(pid_, number); }

int TrainerProcess::wait() {
  if (!ended_) {
    ::waitpid(pid_, &status_, 0);
    ended_ = true;
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

bool TrainerProcess::wait_for_message(const std::string& text) {
  while (messages().find(text) == std::string::npos) {
    if (!ended_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
    if (ended_) return messages().find(text) != std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string TrainerProcess::messages() const {
  std::ifstream file(stderr_path_);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace adainstyle::test
