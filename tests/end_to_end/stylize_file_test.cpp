// SPDX-License-Identifier: MIT
//
// The program behind `pipelines/demo.sh VIDEO STYLE OUTPUT.mp4`, run as a user runs it on clips that GStreamer makes here.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <glib.h>
#include <gst/gst.h>
#include <gst/pbutils/pbutils.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gst_pointers.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

struct Outcome {
  int status = -1;  // exit status, -1 where a signal ended the program
  std::string output;
  std::string errors;
};

// What gst-discoverer finds in a file.
struct Streams {
  int videos = 0;
  int audios = 0;
  int width = 0;
  int height = 0;
  double seconds = 0;
  double frames_a_second = 0;
  std::string video_format;
  std::string audio_format;
};

std::string format_of(GstDiscovererStreamInfo* stream) {
  GstCaps* caps = gst_discoverer_stream_info_get_caps(stream);
  std::string name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  gst_caps_unref(caps);
  return name;
}

class StylizeFileTest : public ::testing::Test {
 protected:
  // Runs a pipeline to its end.
  static void make_file(const std::string& description) {
    GError* error = nullptr;
    const test::GstPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(description.c_str(), &error))));
    ASSERT_EQ(error, nullptr) << error->message;
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const test::GstPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    const auto ends = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    const test::GstPtr<GstMessage> message(gst_bus_timed_pop_filtered(bus.get(), 60 * GST_SECOND, ends));
    ASSERT_TRUE(message);
    EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS) << description;
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }

  // before: what to start the program with, for instance a shell that sets a limit.
  static Outcome run(const std::vector<std::string>& arguments, const std::vector<std::string>& before = {}) {
    std::vector<std::string> words = before;
    words.emplace_back(environment("ADAINSTYLE_STYLIZE_FILE"));
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char* output = nullptr;
    char* errors = nullptr;
    int wait_status = 0;
    Outcome outcome;
    if (g_spawn_sync(nullptr, argv.data(), nullptr, G_SPAWN_SEARCH_PATH, nullptr, nullptr, &output, &errors, &wait_status,
                     nullptr)) {
      outcome.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
      outcome.output = output;
      outcome.errors = errors;
    }
    g_free(output);
    g_free(errors);
    return outcome;
  }

  static Streams streams_of(const std::string& path) {
    Streams streams;
    GstDiscoverer* discoverer = gst_discoverer_new(30 * GST_SECOND, nullptr);
    char* uri = gst_filename_to_uri(path.c_str(), nullptr);
    GError* error = nullptr;
    GstDiscovererInfo* info = gst_discoverer_discover_uri(discoverer, uri, &error);
    if (error != nullptr) ADD_FAILURE() << path << ": " << test::GstPtr<GError>(error)->message;
    if (info != nullptr) {
      streams.seconds = static_cast<double>(gst_discoverer_info_get_duration(info)) / GST_SECOND;
      GList* videos = gst_discoverer_info_get_video_streams(info);
      GList* audios = gst_discoverer_info_get_audio_streams(info);
      streams.videos = static_cast<int>(g_list_length(videos));
      streams.audios = static_cast<int>(g_list_length(audios));
      if (videos != nullptr) {
        auto* video = GST_DISCOVERER_VIDEO_INFO(videos->data);
        streams.width = static_cast<int>(gst_discoverer_video_info_get_width(video));
        streams.height = static_cast<int>(gst_discoverer_video_info_get_height(video));
        streams.frames_a_second = static_cast<double>(gst_discoverer_video_info_get_framerate_num(video)) /
                                  gst_discoverer_video_info_get_framerate_denom(video);
        streams.video_format = format_of(GST_DISCOVERER_STREAM_INFO(video));
      }
      if (audios != nullptr) streams.audio_format = format_of(GST_DISCOVERER_STREAM_INFO(audios->data));
      gst_discoverer_stream_info_list_free(videos);
      gst_discoverer_stream_info_list_free(audios);
      gst_discoverer_info_unref(info);
    }
    g_free(uri);
    g_object_unref(discoverer);
    return streams;
  }

  // A clip of moving shapes in Matroska, 15 frames a second.
  void make_clip(const std::string& name, int frames, const std::string& caps, bool sound) {
    std::string description = "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
                              " ! video/x-raw, framerate=15/1, " + caps +
                              " ! x264enc speed-preset=ultrafast ! matroskamux name=mux ! filesink location=" + folder_.path(name);
    if (sound) {
      // 1024 samples a buffer.
      description += " audiotestsrc num-buffers=" + std::to_string(frames * 48'000 / 15 / 1024) +
                     " ! audio/x-raw, rate=48000, channels=2 ! vorbisenc ! mux.";
    }
    make_file(description);
  }

  // Fails for the right reason, and leaves nothing behind.
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& reason) {
    const std::vector<std::string> before = folder_.entries();
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find(reason), std::string::npos) << outcome.errors;
    EXPECT_EQ(folder_.entries().size(), before.size());
  }

  const test::TemporaryFolder folder_;
  const std::string style_ = std::string(environment("ADAINSTYLE_STYLE_DIR")) + "/mosaic.jpg";
};

TEST_F(StylizeFileTest, KeepsTheSound) {
  make_clip("in.mkv", 30, "width=96, height=64", true);
  const Outcome outcome = run({folder_.path("in.mkv"), style_, folder_.path("out.mp4")});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("30 frames"), std::string::npos) << outcome.output;
  const Streams streams = streams_of(folder_.path("out.mp4"));
  EXPECT_EQ(streams.videos, 1);
  EXPECT_EQ(streams.audios, 1);
  EXPECT_EQ(streams.video_format, "video/x-h264");
  EXPECT_EQ(streams.audio_format, "audio/mpeg");
  EXPECT_EQ(streams.width, 96);
  EXPECT_EQ(streams.height, 64);
  EXPECT_NEAR(streams.frames_a_second, 15, 0.1);
  EXPECT_NEAR(streams.seconds, 2, 0.15);
}

TEST_F(StylizeFileTest, NeedsNoSound) {
  make_clip("in.mkv", 15, "width=64, height=64", false);
  const Outcome outcome = run({folder_.path("in.mkv"), style_, folder_.path("out.mp4")});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Streams streams = streams_of(folder_.path("out.mp4"));
  EXPECT_EQ(streams.videos, 1);
  EXPECT_EQ(streams.audios, 0);
}

TEST_F(StylizeFileTest, CutsOddSizesByOnePixel) {
  make_file("videotestsrc num-buffers=10 ! video/x-raw, width=97, height=65 ! jpegenc ! avimux ! filesink location=" +
            folder_.path("in.avi"));
  const Outcome outcome = run({folder_.path("in.avi"), style_, folder_.path("out.mp4")});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Streams streams = streams_of(folder_.path("out.mp4"));
  EXPECT_EQ(streams.width, 96);
  EXPECT_EQ(streams.height, 64);
}

TEST_F(StylizeFileTest, TurnsWhatThePhoneHeldUpright) {
  const std::string in = folder_.path("in.mp4");
  make_file("videotestsrc num-buffers=10 ! video/x-raw, width=96, height=64 ! x264enc ! h264parse ! mp4mux ! filesink location=" +
            in);
  // The matrix of the track header (ISO/IEC 14496-12, 8.3.2), 40 bytes behind the box's type: a quarter turn to the right.
  std::vector<std::uint8_t> bytes = test::read_bytes(in);
  const std::string type = "tkhd";
  const auto box = std::search(bytes.begin(), bytes.end(), type.begin(), type.end());
  ASSERT_NE(box, bytes.end());
  const std::vector<std::uint8_t> quarter_turn = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
  std::copy(quarter_turn.begin(), quarter_turn.end(), box + 4 + 40);
  test::write_bytes(in, bytes);
  const Outcome outcome = run({in, style_, folder_.path("out.mp4")});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Streams streams = streams_of(folder_.path("out.mp4"));
  EXPECT_EQ(streams.width, 64);
  EXPECT_EQ(streams.height, 96);
}

TEST_F(StylizeFileTest, LeavesAPlayableFileWhenInterrupted) {
  make_clip("in.mkv", 3000, "width=160, height=120", true);
  const std::string out = folder_.path("out.mp4");
  const std::string program = environment("ADAINSTYLE_STYLIZE_FILE");
  const std::string in = folder_.path("in.mkv");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    execl(program.c_str(), program.c_str(), in.c_str(), style_.c_str(), out.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  // The file under its temporary name grows once frames are encoded.
  for (int i = 0; i < 600; ++i) {
    std::error_code ignored;
    if (std::filesystem::file_size(out + ".part", ignored) > 20'000 && !ignored) break;
    g_usleep(50'000);
  }
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const Streams streams = streams_of(out);
  EXPECT_EQ(streams.videos, 1);
  EXPECT_EQ(streams.audios, 1);
  EXPECT_GT(streams.seconds, 0.2);
  EXPECT_LT(streams.seconds, 199);
  EXPECT_FALSE(std::filesystem::exists(out + ".part"));
}

TEST_F(StylizeFileTest, CopiesSoundAndSubtitles) {
  const std::string text = "1\n00:00:00,200 --> 00:00:01,000\nYou & <i>me</i>.\n\n2\n00:00:01,200 --> 00:00:01,800\nAnother.\n";
  test::write_bytes(folder_.path("lines.srt"), {text.begin(), text.end()});
  make_file(
      "videotestsrc num-buffers=30 ! video/x-raw, framerate=15/1, width=96, height=64 ! x264enc ! matroskamux name=mux ! filesink "
      "location=" +
      folder_.path("in.mkv") +
      " audiotestsrc num-buffers=90 ! audio/x-raw, rate=48000, channels=2 ! avenc_aac ! aacparse ! mux. filesrc location=" +
      folder_.path("lines.srt") + " ! subparse ! mux.");
  const Outcome outcome = run({folder_.path("in.mkv"), style_, folder_.path("out.mkv")});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  for (const std::string caps : {"audio/mpeg", "text/x-raw"}) {
    for (const std::string name : {"in", "out"}) {
      make_file("filesrc location=" + folder_.path(name + ".mkv") + " ! matroskademux ! " + caps +
                " ! filesink location=" + folder_.path(name));
    }
    const std::vector<std::uint8_t> before = test::read_bytes(folder_.path("in"));
    EXPECT_FALSE(before.empty());
    EXPECT_EQ(test::read_bytes(folder_.path("out")), before) << caps;
  }
}

TEST_F(StylizeFileTest, BeginsWhereItIsTold) {
  make_clip("in.mkv", 45, "width=64, height=64", true);
  const Outcome outcome = run({folder_.path("in.mkv"), style_, folder_.path("out.mp4"), "--start", "2"});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("15 frames"), std::string::npos) << outcome.output;
  const Streams streams = streams_of(folder_.path("out.mp4"));
  EXPECT_EQ(streams.audios, 1);
  EXPECT_NEAR(streams.seconds, 1, 0.2);
}

TEST_F(StylizeFileTest, RepaintsFoldersInEveryStyle) {
  for (const std::string folder : {"contents", "styles"}) std::filesystem::create_directory(folder_.path(folder));
  make_file("videotestsrc num-buffers=1 ! video/x-raw, width=65, height=47 ! pngenc ! filesink location=" +
            folder_.path("contents/a.png"));
  make_file("videotestsrc num-buffers=1 ! video/x-raw, width=80, height=60 ! jpegenc ! filesink location=" +
            folder_.path("contents/b.jpg"));
  make_clip("contents/c.mkv", 5, "width=64, height=64", false);
  test::write_bytes(folder_.path("contents/d.jpg"), std::vector<std::uint8_t>(100, 'a'));
  for (const std::string name : {"mosaic.jpg", "woodcut.jpg"}) {
    std::filesystem::copy_file(std::string(environment("ADAINSTYLE_STYLE_DIR")) + "/" + name, folder_.path("styles/" + name));
  }
  const std::vector<std::string> arguments = {folder_.path("contents"), folder_.path("styles"), folder_.path("out")};
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, 1);  // d.jpg is no picture
  EXPECT_NE(outcome.output.find("6 done, 0 skipped, 2 failed"), std::string::npos) << outcome.output << outcome.errors;
  EXPECT_NE(outcome.errors.find("d.jpg"), std::string::npos);
  const Streams picture = streams_of(folder_.path("out/a-woodcut.png"));
  EXPECT_EQ(picture.width, 65);
  EXPECT_EQ(picture.height, 47);
  EXPECT_EQ(streams_of(folder_.path("out/b-mosaic.jpg")).width, 80);
  EXPECT_EQ(streams_of(folder_.path("out/c-mosaic.mkv")).video_format, "video/x-h264");
  std::vector<std::string> again = arguments;
  again.push_back("--skip-existing");
  EXPECT_NE(run(again).output.find("0 done, 6 skipped, 2 failed"), std::string::npos);
}

TEST_F(StylizeFileTest, SaysWhatIsWrong) {
  make_clip("in.mkv", 5, "width=64, height=64", false);
  make_file("audiotestsrc num-buffers=50 ! wavenc ! filesink location=" + folder_.path("sound.wav"));
  test::write_bytes(folder_.path("text.txt"), std::vector<std::uint8_t>(2000, 'a'));
  const std::string in = folder_.path("in.mkv");
  const std::string out = folder_.path("out.mp4");
  expect_refusal({folder_.path("none.mkv"), style_, out}, "there is no such file");
  expect_refusal({in, folder_.path("none.jpg"), out}, "there is no such file");
  expect_refusal({folder_.path(), style_, out}, "is a folder");
  expect_refusal({folder_.path("text.txt"), style_, out}, "cannot be read as a video");
  expect_refusal({folder_.path("sound.wav"), style_, out}, "there is no picture in it");
  expect_refusal({style_, style_, out}, "it is a picture, not a video");
  expect_refusal({in, folder_.path("text.txt"), out}, "text.txt");
  test::write_bytes(folder_.path("empty.jpg"), {});
  expect_refusal({in, folder_.path("empty.jpg"), out}, "empty.jpg: expected a picture");
  std::filesystem::create_directory(folder_.path("folder.jpg"));
  expect_refusal({in, folder_.path("folder.jpg"), out}, "there is nothing in this folder");
  expect_refusal({in, style_, folder_.path("none/out.mp4")}, "there is no folder");
  expect_refusal({in, style_, "/proc/out.mp4"}, "cannot be written");
  expect_refusal({in, style_, folder_.path("out.avi")}, ".mp4");
  EXPECT_EQ(run({in, style_}).status, 2);
}

// The two ways in which writing ends early: the disk is full, which /dev/full stands for, or the file may not grow.
TEST_F(StylizeFileTest, SaysWhyItCannotWriteOn) {
  make_clip("in.mkv", 25, "width=320, height=180", false);
  const std::string in = folder_.path("in.mkv");
  const std::string out = folder_.path("out.mp4");
  test::write_bytes(out, {1, 2, 3});
  std::filesystem::create_symlink("/dev/full", out + ".part");
  const Outcome full = run({in, style_, out});
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.errors.find("out.mp4 cannot be written: No space left"), std::string::npos) << full.errors;
  const Outcome limited = run({in, style_, out}, {"sh", "-c", "ulimit -f 8; exec \"$0\" \"$@\""});
  EXPECT_EQ(limited.status, 1);
  EXPECT_NE(limited.errors.find("out.mp4 cannot be written: "), std::string::npos) << limited.errors;
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(out + ".part")));
  EXPECT_EQ(test::read_bytes(out), (std::vector<std::uint8_t>{1, 2, 3}));
}

TEST_F(StylizeFileTest, SaysWhatItMayNotReadOrWrite) {
  namespace fs = std::filesystem;
  make_clip("in.mkv", 5, "width=64, height=64", false);
  fs::copy_file(style_, folder_.path("style.jpg"));
  fs::create_directory(folder_.path("closed"));
  fs::permissions(folder_.path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(folder_.path("closed"), fs::perms::owner_read | fs::perms::owner_exec);
  // Nothing is forbidden to root.
  const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  const std::vector<std::string> before = geteuid() == 0 ? as_nobody : std::vector<std::string>();
  if (run({"--help"}, before).status != 0) GTEST_SKIP() << "this build cannot be run by another user";
  const auto refuses = [&](const std::string& content, const std::string& style, const std::string& reason) {
    const Outcome outcome = run({content, style, folder_.path("closed/out.mp4")}, before);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find(reason), std::string::npos) << outcome.errors;
  };
  refuses(folder_.path("in.mkv"), style_, "closed/out.mp4 cannot be written: ");
  fs::permissions(folder_.path("style.jpg"), fs::perms::none);
  refuses(folder_.path("in.mkv"), folder_.path("style.jpg"), "style.jpg cannot be read: Permission denied");
  fs::permissions(folder_.path("in.mkv"), fs::perms::none);
  refuses(folder_.path("in.mkv"), style_, "in.mkv cannot be read: Permission denied");
}

TEST_F(StylizeFileTest, KeepsAnOlderFileWhenItFails) {
  make_clip("in.mkv", 5, "width=64, height=64", false);
  test::write_bytes(folder_.path("out.mp4"), {1, 2, 3});
  test::write_bytes(folder_.path("text.txt"), std::vector<std::uint8_t>(2000, 'a'));
  EXPECT_EQ(run({folder_.path("in.mkv"), folder_.path("text.txt"), folder_.path("out.mp4")}).status, 1);
  EXPECT_EQ(test::read_bytes(folder_.path("out.mp4")), (std::vector<std::uint8_t>{1, 2, 3}));
}

}  // namespace
}  // namespace adainstyle

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
