// SPDX-License-Identifier: MIT
// Milliseconds a frame on a GPU, of pictures that lie in its memory and of pictures that do not, and the share of the device's fp16 convolution peak measured in
// the same run: nominal FLOPs of the network per second over it. `plain`: the same network operation by operation in LibTorch fp16.
// Prints a Markdown table. Exit status 77 where there is no GPU.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include "engine/devices.h"
#include "plain_network.h"
#include "random_model.h"

namespace adainstyle::benchmarks {
namespace {

constexpr int kNoGpu = 77;
const at::Device kGpu(at::kCUDA, 0);

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Median seconds of one call, out of runs that are long enough for the clock.
double seconds_per_call(const std::function<void()>& call) {
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  for (int warm_up = 0; warm_up < 10; ++warm_up) call();
  std::vector<double> runs;
  for (int run = 0; run < 9; ++run) {
    hooks.deviceSynchronize(kGpu.index());
    const auto start = std::chrono::steady_clock::now();
    int calls = 0;
    do {
      call();
      ++calls;
      if (calls % 8 == 0) hooks.deviceSynchronize(kGpu.index());
    } while (calls % 8 != 0 || seconds_since(start) < 0.2);
    runs.push_back(seconds_since(start) / calls);
  }
  std::nth_element(runs.begin(), runs.begin() + runs.size() / 2, runs.end());
  return runs[runs.size() / 2];
}

// FLOP/s of LibTorch's (cuDNN's) fp16 channels-last 3x3 convolution where it is fastest.
double convolution_peak() {
  double best = 0;
  for (const auto& [channels, side] : {std::pair{256, 256}, std::pair{512, 128}, std::pair{512, 256}}) {
    const auto options = at::TensorOptions(kGpu).dtype(at::kHalf);
    const at::Tensor input = at::randn({1, channels, side, side}, options).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor weight = at::randn({channels, channels, 3, 3}, options).contiguous(at::MemoryFormat::ChannelsLast);
    const double flops = 2.0 * 9 * channels * channels * side * side;
    best = std::max(best, flops / seconds_per_call([&] { at::conv2d(input, weight, {}, {1, 1}, {1, 1}); }));
  }
  return best;
}

// A picture of four bytes a pixel, on the GPU or in system memory.
template <typename View>
View picture(const at::Tensor& bytes) {
  View view;
  view.format = PixelFormat::kRGBA;
  view.height = static_cast<int>(bytes.size(0));
  view.width = static_cast<int>(bytes.size(1));
  view.planes[0] = bytes.mutable_data_ptr<std::uint8_t>();
  view.strides[0] = bytes.stride(0);
  if (bytes.is_cuda()) view.device = {DeviceType::kCuda, static_cast<int>(kGpu.index())};
  return view;
}

void print_row(const char* network, int width, int height, const char* what, double seconds, double flops, double peak) {
  std::printf("| %s | %dx%d | %s | %.3f | %.3f |\n", network, width, height, what, seconds * 1e3, flops / seconds / peak);
  std::fflush(stdout);
}

void measure(const std::string& preset, int width, int height, double peak) {
  const Model model = random_model(preset);
  const double flops = 2 * multiply_adds_per_pixel(model.network) * width * height;
  {
    const auto engine = prepare(model, {DeviceType::kCuda, 0}, Precision::kFp16)->make_engine(0);
    for (const auto& [where, what] : {std::pair{kGpu, "engine"}, std::pair{at::Device(at::kCPU), "engine, system memory"}}) {
      const at::Tensor input = at::randint(256, {height, width, 4}, at::TensorOptions(where).dtype(at::kByte));
      const at::Tensor output = at::empty_like(input);
      const StyleStatistics style = engine->encode_style(picture<ImageView>(input));
      const double seconds =
          seconds_per_call([&] { engine->stylize(picture<ImageView>(input), picture<MutableImageView>(output), style, 1.0f); });
      print_row(preset.c_str(), width, height, what, seconds, flops, peak);
    }
    if (const std::string notice = engine->notice(); !notice.empty()) std::printf("\n%s\n", notice.c_str());
  }
  TensorMap weights;
  for (const auto& [name, data] : model.weights) {
    weights[name] = at::from_blob(const_cast<float*>(data.values.data()), data.shape, at::kFloat).to(kGpu, at::kHalf);
    if (data.shape.size() == 4) weights[name] = weights[name].contiguous(at::MemoryFormat::ChannelsLast);
  }
  const at::Tensor tensor =
      at::rand({1, 3, height, width}, at::TensorOptions(kGpu).dtype(at::kHalf)).contiguous(at::MemoryFormat::ChannelsLast);
  const std::vector<ChannelStatistics> style = plain_encode(model.network, weights, tensor).taps;
  const double seconds =
      seconds_per_call([&] { plain_decode(model.network, weights, plain_encode(model.network, weights, tensor).features, style); });
  print_row(preset.c_str(), width, height, "plain LibTorch fp16", seconds, flops, peak);
}

int run() {
  try {
    find_device("cuda");
  } catch (const Error& error) {
    std::fprintf(stderr, "gpu-benchmark: %s\n", error.what());
    return kNoGpu;
  }
  const c10::InferenceMode inference;
  // For all that is measured alike. The engine tunes by itself, but not what was planned before: LibTorch keeps the plan that encoding the
  // style took for a convolution of the same size.
  at::globalContext().setBenchmarkCuDNN(true);
  const double peak = convolution_peak();
  std::printf("fp16 convolution peak: %.1f TFLOP/s\n\n", peak / 1e12);
  std::printf("| network | size | | ms a frame | of peak |\n|---|---|---|---|---|\n");
  for (const char* preset : {"small", "vgg19"}) {
    for (const auto& [width, height] : {std::pair{640, 360}, std::pair{1280, 720}, std::pair{1920, 1080}, std::pair{3840, 2160}}) {
      try {
        measure(preset, width, height, peak);
      } catch (const std::exception& error) {
        if (!is_out_of_memory(error)) throw;
        std::printf("| %s | %dx%d | | out of memory | |\n", preset, width, height);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace adainstyle::benchmarks

int main() {
  try {
    return adainstyle::benchmarks::run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu-benchmark: %s\n", error.what());
    return 1;
  }
}
