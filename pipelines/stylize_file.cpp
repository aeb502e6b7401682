// SPDX-License-Identifier: MIT
//
// stylize-file CONTENT STYLE OUTPUT: repaints videos and pictures. --help says the rest.
// Exit status: 0 done, 1 something failed, 2 wrong usage, 130 ended early.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gst/gst.h>
#include <CLI/CLI.hpp>

#include "media.h"
#include "stylize_job.h"

namespace {

namespace fs = std::filesystem;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

struct Request {
  std::string content;
  std::string style;
  std::string output;
  double start = 0;
  bool skip_existing = false;
  PaintOptions paint;  // without the style
};

// What may not even be looked at is none; reading or writing it says so.
bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// A file as it is; of a folder the files that `wanted` accepts, by name.
template <typename Wanted>
std::vector<fs::path> files_of(const std::string& path, Wanted wanted) {
  if (!is_folder(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && wanted(entry.path().string())) files.push_back(entry.path());
  }
  if (files.empty()) throw std::runtime_error(path + ": there is nothing in this folder that can be used.");
  std::sort(files.begin(), files.end());
  return files;
}

// What a result is called in a folder: the content's name, the style's after it where there are several, and an ending that can
// hold it. Matroska stays Matroska, since it holds subtitles that MP4 does not.
std::string result_name(const fs::path& content, const fs::path& style, bool several_styles) {
  const std::string name = content.stem().string() + (several_styles ? "-" + style.stem().string() : "");
  if (is_picture_name(content.string())) return name + (content.extension() == ".png" ? ".png" : ".jpg");
  return name + (content.extension() == ".mkv" || content.extension() == ".webm" ? ".mkv" : ".mp4");
}

std::vector<Job> plan(const Request& request) {
  const bool folder = is_folder(request.content) || is_folder(request.style) || is_folder(request.output);
  Job job{request.content, request.output, request.start, request.paint};
  job.paint.style = request.style;
  if (!folder) return {job};
  const auto contents =
      files_of(request.content, [](const std::string& path) { return is_picture_name(path) || is_video_name(path); });
  const auto styles = files_of(request.style, is_picture_name);
  if (is_picture_name(request.output) || is_video_name(request.output))
    throw std::runtime_error((is_folder(request.content) ? request.content : request.style) +
                             " is a folder; let OUTPUT be one too, not " + request.output + ".");
  fs::create_directories(request.output);
  std::vector<Job> jobs;
  for (const fs::path& content : contents) {
    for (const fs::path& style : styles) {
      job.content = content.string();
      job.paint.style = style.string();
      job.output = (fs::path(request.output) / result_name(content, style, styles.size() > 1)).string();
      jobs.push_back(job);
    }
  }
  return jobs;
}

int run(const Request& request) {
  const std::vector<Job> jobs = plan(request);
  std::size_t done = 0;
  std::size_t skipped = 0;
  for (const Job& job : jobs) {
    std::error_code ignored;
    if (request.skip_existing && fs::exists(job.output, ignored)) {
      ++skipped;
      continue;
    }
    try {
      if (stylize(job) == kExitInterrupted) return kExitInterrupted;
      ++done;
    } catch (const std::exception& error) {
      // The others of a batch may be all right.
      std::fprintf(stderr, "stylize-file: %s\n", error.what());
    }
  }
  if (jobs.size() > 1) std::printf("%zu done, %zu skipped, %zu failed\n", done, skipped, jobs.size() - done - skipped);
  return done + skipped == jobs.size() ? 0 : kExitFailed;
}

int parse_and_run(int argc, char** argv) {
  Request request;
  CLI::App app(
      "Repaints a video (sound and subtitles are kept) or a picture in the style of a picture. CONTENT and STYLE may be folders: "
      "then\n"
      "every content is repainted in every style, into the folder OUTPUT. Ctrl-C ends a video early and leaves a playable file.");
  app.option_defaults()->always_capture_default();
  app.footer("Example: stylize-file in.mkv styles/mosaic.jpg out.mkv");
  app.add_option("CONTENT", request.content, "Video, picture or folder of them")->required();
  app.add_option("STYLE", request.style, "Picture, or folder of pictures")->required();
  app.add_option("OUTPUT", request.output, ".mp4 or .mkv for a video, .jpg or .png for a picture, or a folder")->required();
  app.add_option("--start", request.start, "Seconds of the video to leave out")->check(CLI::Range(0.0, 1e6));
  app.add_flag("--skip-existing", request.skip_existing, "Leave alone what is in the folder OUTPUT already: goes on with a batch");
  add_paint_options(app, request.paint);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  gst_init(nullptr, nullptr);
  return run(request);
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning();
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of writing, like a full disk
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stylize-file: %s\n", error.what());
    return kExitFailed;
  }
}
