// SPDX-License-Identifier: MIT
// Milliseconds a frame of the engine alone, and the share of the convolution peak measured in the same run: nominal FLOPs of the
// network (before any rewrite) per second over the peak. `plain`: the same network operation by operation in LibTorch bf16.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/rand.h>

#include "convolution_peak.h"
#include "engine/devices.h"
#include "plain_network.h"
#include "random_model.h"

namespace adainstyle::benchmarks {
namespace {

struct Frame {
  Frame(int w, int h) : bytes(static_cast<std::size_t>(w) * h * 4) {
    std::mt19937 random(2);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    view.format = PixelFormat::kRGBx;
    view.width = w;
    view.height = h;
    view.planes[0] = bytes.data();
    view.strides[0] = static_cast<std::ptrdiff_t>(w) * 4;
  }

  ImageView input() const {
    ImageView image;
    image.format = view.format;
    image.width = view.width;
    image.height = view.height;
    image.planes[0] = view.planes[0];
    image.strides[0] = view.strides[0];
    return image;
  }

  std::vector<std::uint8_t> bytes;
  MutableImageView view;
};

// Reports the fastest frame (others share the machine) and its share of the peak, measured before and after.
template <typename RunFrame>
void run(benchmark::State& state, const Network& network, int width, int height, const RunFrame& run_frame) {
  double peak = measure_convolution_peak();
  for (int warm_up = 0; warm_up < 2; ++warm_up) run_frame();
  double best = 1e9;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    run_frame();
    const double seconds = seconds_since(start);
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
  }
  peak = std::max(peak, measure_convolution_peak());
  const double flops = 2 * multiply_adds_per_pixel(network) * width * height;
  state.counters["best_ms"] = best * 1e3;
  state.counters["of_peak"] = flops / best / peak;
  state.counters["peak_TFLOPs"] = peak / 1e12;
}

void engine_frames(benchmark::State& state, const std::string& preset, Precision precision, int width, int height) {
  const Model model = random_model(preset);
  const auto prepared = prepare(model, {}, precision == Precision::kAuto ? fastest_precision({}) : precision);
  const auto engine = prepared->make_engine(0);
  const Frame input(width, height);
  Frame output(width, height);
  const StyleStatistics style = engine->encode_style(input.input());
  run(state, model.network, width, height, [&] { engine->stylize(input.input(), output.view, style, 1.0f); });
  state.counters["workspace_MB"] = static_cast<double>(engine->workspace_bytes()) / 1e6;
}

void plain_frames(benchmark::State& state, const std::string& preset, int width, int height) {
  const c10::InferenceMode inference;
  const Model model = random_model(preset);
  TensorMap weights;
  for (const auto& [name, data] : model.weights) {
    weights[name] = at::from_blob(const_cast<float*>(data.values.data()), data.shape, at::kFloat).to(at::kBFloat16);
    if (data.shape.size() == 4) weights[name] = weights[name].contiguous(at::MemoryFormat::ChannelsLast);
  }
  const at::Tensor picture = at::rand({1, 3, height, width}).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  const std::vector<ChannelStatistics> style = plain_encode(model.network, weights, picture).taps;
  run(state, model.network, width, height,
      [&] { plain_decode(model.network, weights, plain_encode(model.network, weights, picture).features, style); });
}

void add_benchmarks() {
  for (const std::string preset : {"small", "wide", "vgg19"}) {
    for (const auto& [width, height] : {std::pair{640, 360}, std::pair{1280, 720}}) {
      const std::string size = std::to_string(width) + "x" + std::to_string(height);
      const int frames = (preset == "small" ? 100 : 6) / (width / 640);
      const int w = width;
      const int h = height;
      benchmark::RegisterBenchmark(("engine/" + preset + "/" + size).c_str(),
                                   [=](benchmark::State& s) { engine_frames(s, preset, Precision::kAuto, w, h); })
          ->UseManualTime()
          ->Iterations(frames)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("engine-fp32/" + preset + "/" + size).c_str(),
                                   [=](benchmark::State& s) { engine_frames(s, preset, Precision::kFp32, w, h); })
          ->UseManualTime()
          ->Iterations(frames / 3 + 1)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("plain/" + preset + "/" + size).c_str(),
                                   [=](benchmark::State& s) { plain_frames(s, preset, w, h); })
          ->UseManualTime()
          ->Iterations(frames / 3 + 1)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace adainstyle::benchmarks

int main(int argc, char** argv) {
  adainstyle::benchmarks::add_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
