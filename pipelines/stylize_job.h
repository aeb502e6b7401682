// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "paint_options.h"

// One video or picture to repaint.
struct Job {
  std::string content;
  std::string output;  // .mp4 or .mkv for a video, .jpg or .png for a picture
  double start = 0;    // seconds of the video to leave out
  PaintOptions paint;
};

// Whether a name ends in what a picture's or a video's does.
bool is_picture_name(const std::string& path);
bool is_video_name(const std::string& path);

// Does the job with a line of progress on standard error and one about the result on standard output. The output appears only
// when it is whole; Ctrl-C ends a video early and keeps what there is.
// Returns the exit status: 0 done, 130 ended early. Throws std::runtime_error with a whole sentence.
int stylize(const Job& job);
