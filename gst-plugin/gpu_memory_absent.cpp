// SPDX-License-Identifier: MIT
#include "gpu_memory.h"

namespace adainstyle::gst {

std::shared_ptr<GpuMemory> open_gpu_memory(int) { return nullptr; }

bool is_gpu_features(const GstCapsFeatures*) { return false; }

bool is_gpu_context_query(GstQuery*) { return false; }

}  // namespace adainstyle::gst
