// SPDX-License-Identifier: MIT
#include "device_passes.h"

#include <dlfcn.h>

#include <algorithm>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "adainstyle/error.h"
#include "feature_loops.h"
#include "pass_body.h"

namespace adainstyle::device_passes {
namespace {

struct CudaPasses {
  PassRunner run = nullptr;
  std::string absence;
};

const CudaPasses& cuda_passes() {
  static const CudaPasses passes = [] {
    CudaPasses loaded;
    if (void* library = dlopen(kCudaPassesLibrary, RTLD_NOW | RTLD_LOCAL)) {
      loaded.run = reinterpret_cast<PassRunner>(dlsym(library, kCudaPassesSymbol));
    }
    if (loaded.run == nullptr) loaded.absence = dlerror();
    return loaded;
  }();
  return passes;
}

template <typename T>
void run_here(const PassJob& job) {
  const std::int64_t count = static_cast<std::int64_t>(job.n) * job.h * job.w * job.c;
  pass_body::with_body(job.kind, [&](auto body) {
    for (std::int64_t i = 0; i < count; ++i) decltype(body)::template run<T>(job, pass_body::place_of(job, i));
  });
}

void run(const PassJob& job, at::Device device) {
  TORCH_CHECK(static_cast<double>(job.n) * job.h * job.w * job.c < std::numeric_limits<std::uint32_t>::max(),
              "a pass over more than 4 billion values: choose a smaller batch or crop");
  if (device.is_cpu()) return job.bfloat16 ? run_here<Half>(job) : run_here<float>(job);
  TORCH_CHECK(cuda_passes().run != nullptr, cuda_passes().absence);
  const c10::DeviceGuard guard(device);
  const c10::impl::VirtualGuardImpl streams(device.type());
  const char* error = cuda_passes().run(job, streams.getStreamNativeHandle(streams.getStream(device)));
  if (error != nullptr) throw Error(ErrorCode::kLibrary, std::string("the GPU failed while training: ") + error);
}

const void* pointer(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr() : nullptr; }
const float* floats(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

// A job that reads `input` and writes features of the given size, and those features.
struct Work {
  PassJob job;
  at::Tensor output;

  Work(PassJob::Kind kind, const at::Tensor& input, std::int64_t c, std::int64_t h, std::int64_t w)
      : Work(kind, input, c, h, w, empty_channels_last(input.size(0), c, h, w, input)) {}

  Work(PassJob::Kind kind, const at::Tensor& input, std::int64_t c, std::int64_t h, std::int64_t w, const at::Tensor& to)
      : output(to) {
    for_type(input, [this](auto* type) { job.bfloat16 = sizeof(*type) == sizeof(Half); });
    job.kind = kind;
    job.n = static_cast<int>(input.size(0));
    job.c = static_cast<int>(c);
    job.h = static_cast<int>(h);
    job.w = static_cast<int>(w);
    job.input_h = static_cast<int>(input.size(2));
    job.input_w = static_cast<int>(input.size(3));
    job.a = pointer(input);
    job.output = output.mutable_data_ptr();
  }

  at::Tensor done() {
    run(job, output.device());
    return output;
  }
};

at::Tensor pad(const at::Tensor& input, Padding padding) {
  Work work(PassJob::Kind::kPad, input, input.size(1), input.size(2) + 2, input.size(3) + 2);
  work.job.padding = padding;
  return work.done();
}

at::Tensor pad_backward(const at::Tensor& padded, Padding padding) {
  Work work(PassJob::Kind::kPadBackward, padded, padded.size(1), padded.size(2) - 2, padded.size(3) - 2);
  work.job.padded = pointer(padded);
  work.job.padding = padding;
  return work.done();
}

}  // namespace

bool have_cuda_passes(std::string* reason) {
  *reason = cuda_passes().absence;
  return cuda_passes().run != nullptr;
}

at::Tensor pad_reflect(const at::Tensor& input) { return pad(input, Padding::kReflect); }
at::Tensor pad_replicate(const at::Tensor& input) { return pad(input, Padding::kReplicate); }
at::Tensor pad_reflect_backward(const at::Tensor& padded_gradient) { return pad_backward(padded_gradient, Padding::kReflect); }
at::Tensor pad_replicate_backward(const at::Tensor& padded_gradient) { return pad_backward(padded_gradient, Padding::kReplicate); }

at::Tensor pool_and_pad_reflect(const at::Tensor& input) {
  return Work(PassJob::Kind::kPoolAndPad, input, input.size(1), (input.size(2) + 1) / 2 + 2, (input.size(3) + 1) / 2 + 2).done();
}

at::Tensor channel_sums(const at::Tensor& a, const at::Tensor& b) {
  // Short enough for many threads, long enough to leave little to add.
  constexpr std::int64_t kRun = 64;
  const std::int64_t runs = std::max<std::int64_t>(1, (a.size(2) * a.size(3) + kRun - 1) / kRun);
  const at::Tensor sums =
      at::empty({a.size(0), runs, 2, a.size(1)}, a.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous));
  Work work(PassJob::Kind::kChannelSums, a, a.size(1), runs, 1, sums);
  work.job.b = pointer(b);
  return work.done().sum(1);
}

at::Tensor affine(const at::Tensor& a, const at::Tensor& slope, const at::Tensor& offset, const at::Tensor& b,
                  const at::Tensor& slope_b) {
  Work work(PassJob::Kind::kAffine, a, a.size(1), a.size(2), a.size(3));
  work.job.slope = floats(slope);
  work.job.offset = floats(offset);
  work.job.b = pointer(b);
  work.job.slope_b = floats(slope_b);
  return work.done();
}

at::Tensor relu_backward(const at::Tensor& features, const at::Tensor& padded_gradient, const at::Tensor& direct,
                         const at::Tensor& offset, const at::Tensor& slope) {
  Work work(PassJob::Kind::kReluBackward, features, features.size(1), features.size(2), features.size(3));
  work.job.padded = pointer(padded_gradient);
  work.job.b = pointer(direct);
  work.job.offset = floats(offset);
  work.job.slope = floats(slope);
  return work.done();
}

at::Tensor relu_pool_backward(const at::Tensor& features, const at::Tensor& padded_gradient) {
  Work work(PassJob::Kind::kReluPoolBackward, features, features.size(1), features.size(2), features.size(3));
  work.job.padded = pointer(padded_gradient);
  work.job.input_h = static_cast<int>(padded_gradient.size(2) - 2);
  work.job.input_w = static_cast<int>(padded_gradient.size(3) - 2);
  return work.done();
}

at::Tensor interleave_phases(const at::Tensor& phases, bool relu) {
  Work work(PassJob::Kind::kInterleavePhases, phases, phases.size(1) / 4, 2 * (phases.size(2) - 1), 2 * (phases.size(3) - 1));
  work.job.relu = relu;
  return work.done();
}

at::Tensor split_phases(const at::Tensor& gradient, const at::Tensor& features) {
  Work work(PassJob::Kind::kSplitPhases, gradient, 4 * gradient.size(1), gradient.size(2) / 2 + 1, gradient.size(3) / 2 + 1);
  work.job.b = pointer(features);
  return work.done();
}

}  // namespace adainstyle::device_passes
