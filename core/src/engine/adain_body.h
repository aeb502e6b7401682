// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "engine/feature_jobs.h"
#include "pixels/yuv.h"

// AdaIN on the device, channel by channel: what FrameAdaIN, adain_affine and StatisticsSmoother do on the host, for when nothing of a
// frame goes there.

namespace adainstyle {

// Sum number `which` (0: x - k, 1: its square) of a channel over the parts first, first + step, ...
ADAINSTYLE_HOST_DEVICE inline double sum_of_parts(const PointJob& job, int region, int which, int channel, int first, int step) {
  double sum = 0.0;
  for (int part = first; part < job.parts; part += step) {
    sum += job.partials[job.channels * (1 + 2 * (region * job.parts + part) + which) + channel];
  }
  return sum;
}

// From the sums to mean and std.
ADAINSTYLE_HOST_DEVICE inline void measure_channel(const PointJob& job, int region, int channel) {
  const double* sums = job.sums + static_cast<std::ptrdiff_t>(region) * 2 * job.channels;
  const double weight = job.weights[region];
  const double mean = weight > 0.0 ? sums[channel] / weight : 0.0;
  const double square = weight > 0.0 ? sums[job.channels + channel] / weight : 0.0;
  const double variance = square > mean * mean ? square - mean * mean : 0.0;
  job.content[region][channel] = static_cast<float>(mean + job.partials[channel]);
  job.content[region][job.channels + channel] = static_cast<float>(sqrt(variance + job.eps));
}

// ---- Smoothing ----

ADAINSTYLE_HOST_DEVICE inline float* average_of(const PointJob& job, int region) {
  return job.smoothing.average + static_cast<std::ptrdiff_t>(region) * 2 * job.channels;
}

ADAINSTYLE_HOST_DEVICE inline bool has_average(const PointJob& job) {
  const SmoothingVectors& state = job.smoothing;
  return state.generation[1 + state.point] == state.generation[0];
}

// The square of how far the first region's mean has moved, in standard deviations of the average.
ADAINSTYLE_HOST_DEVICE inline double squared_move(const PointJob& job, int channel) {
  const float* average = average_of(job, 0);
  const double move = (job.content[0][channel] - average[channel]) / average[job.channels + channel];
  return move * move;
}

// Whether the averages of all points begin anew. squares: the sum of squared_move over the channels.
ADAINSTYLE_HOST_DEVICE inline bool begins_anew(const PointJob& job, double squares) {
  if (job.frame->begin_anew > 0.0f) return true;
  return has_average(job) && sqrt(squares / job.used) > job.frame->jump;
}

// Moves the average towards the content, and makes it the content. follows: as has_average(), asked before any channel moves.
ADAINSTYLE_HOST_DEVICE inline void smooth_channel(const PointJob& job, bool follows, int region, int channel) {
  const bool restyled = job.frame->restyled > 0.0f && !job.smoothing.first;
  float* average = average_of(job, region);
  for (int i = channel; i <= job.channels + channel; i += job.channels) {
    float* content = job.content[region] + i;
    average[i] = follows && !restyled ? average[i] + job.frame->share * (*content - average[i]) : *content;
    *content = average[i];
  }
}

// ---- Scale and shift ----

ADAINSTYLE_HOST_DEVICE inline void blend_channel(const PointJob& job, int region, int channel) {
  for (int i = channel; i <= job.channels + channel; i += job.channels) {
    const float content = job.content[region][i];
    job.blended[region][i] = content + job.frame->strength * (job.style[region][i] - content);
  }
}

// Of one region. Channels past the used ones are left as they are.
ADAINSTYLE_HOST_DEVICE inline void affine_channel(const PointJob& job, int region, int channel) {
  float scale = 1.0f;
  float shift = 0.0f;
  if (channel < job.used) {
    scale = job.target[region][job.channels + channel] / job.content[region][job.channels + channel];
    shift = job.target[region][channel] - scale * job.content[region][channel];
  }
  job.affine[region][channel] = scale;
  job.affine[region][job.channels + channel] = shift;
}

// Of all pixels, after AdaIN where there is one: shares of the regions' means.
ADAINSTYLE_HOST_DEVICE inline float mean_of_regions(const PointJob& job, int channel) {
  double total = 0.0;
  double mean = 0.0;
  for (int region = 0; region < job.regions; ++region) {
    total += job.weights[region];
    mean += static_cast<double>(job.weights[region]) *
            (job.target[region] != nullptr ? job.target[region][channel] : job.content[region][channel]);
  }
  return static_cast<float>(mean / total);
}

// All that follows from a channel's statistics.
ADAINSTYLE_HOST_DEVICE inline void finish_channel(const PointJob& job, int channel) {
  for (int region = 0; region < job.regions; ++region) {
    if (job.blended[region] != nullptr) blend_channel(job, region, channel);
    if (job.target[region] != nullptr) affine_channel(job, region, channel);
  }
  if (job.mean != nullptr) job.mean[channel] = channel < job.used ? mean_of_regions(job, channel) : 0.0f;
}

// ---- Weights that were rounded ----

// What channel `channel` adds to an output's correction.
ADAINSTYLE_HOST_DEVICE inline float correction(const CorrectionJob& job, int output, int channel) {
  return job.rounding[static_cast<std::ptrdiff_t>(output) * job.channels + channel] * job.mean[channel];
}

}  // namespace adainstyle
