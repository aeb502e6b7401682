// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

namespace adainstyle::test {

// Somebody who watches an RTSP stream, and notes what a person would notice.
class Viewer {
 public:
  // properties: rtspsrc's, for instance "protocols=udp".
  explicit Viewer(const std::string& url, const std::string& properties = "protocols=tcp");
  ~Viewer();
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  int frames() const { return frames_; }
  int width() const { return width_; }
  int height() const { return height_; }

  // The share of pixels as dark as the bars that the relay shows where it has no picture.
  double slate_share() const { return slate_share_; }

  // Waits until that many frames have come; false if they do not within `seconds`.
  bool gets(int frames, double seconds) const;

  // The same, counted from now on.
  bool gets_more(int more, double seconds) const { return gets(frames_ + more, seconds); }

  // Whether the stream has ended or failed: what must not happen to a viewer. "" as long as it has not.
  std::string trouble() const;

 private:
  static GstFlowReturn on_sample(GstAppSink* sink, gpointer self);

  GstElement* pipeline_;
  std::atomic<int> frames_{0};
  std::atomic<int> width_{0};
  std::atomic<int> height_{0};
  std::atomic<double> slate_share_{0};
  mutable std::mutex lock_;  // guards trouble_
  mutable std::string trouble_;
};

}  // namespace adainstyle::test
