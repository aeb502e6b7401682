// SPDX-License-Identifier: MIT
//
// An element that plays while four threads change and read everything that may change, its caps change and it is stopped and started.
// `tests/run.sh --sanitize-threads` runs it with ThreadSanitizer.

#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"

namespace adainstyle::test {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// A core library with pictures that it can load.
struct Core {
  const char* name;
  const char* library;  // the environment's variable that holds its path
  std::vector<std::string> (*pictures)();
  int rounds;
};

std::vector<std::string> named_values() { return {"value=1", "value=2", "value=3"}; }

std::vector<std::string> style_files() {
  const std::string folder = environment("ADAINSTYLE_STYLE_DIR") + "/";
  return {folder + "mosaic.jpg", folder + "swirls.jpg", folder + "woodcut.jpg"};
}

const Core kCores[] = {{"Fake", "ADAINSTYLE_FAKE_CORE", named_values, 100}, {"Real", "ADAINSTYLE_REAL_CORE", style_files, 6}};

void set_list(GstElement* element, const char* property, const std::vector<std::string>& values) {
  GValue list = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  for (const std::string& value : values) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, G_TYPE_STRING);
    g_value_set_string(&item, value.c_str());
    gst_value_array_append_and_take_value(&list, &item);
  }
  g_object_set_property(G_OBJECT(element), property, &list);
  g_value_unset(&list);
}

// Four threads that leave nothing as it is, for as long as the object lives.
class Storm {
 public:
  Storm(GstElement* element, const Core& core) : element_(element), pictures_(core.pictures()) {
    for (auto task : {&Storm::change_styles, &Storm::change_numbers, &Storm::change_masks, &Storm::read_and_preload}) {
      threads_.emplace_back([this, task, seed = threads_.size() + 1] {
        std::minstd_rand random(static_cast<unsigned>(seed));
        for (; !done_; g_usleep(random() % 2000)) (this->*task)(random);
      });
    }
  }
  ~Storm() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

 private:
  using Random = std::minstd_rand;

  const std::string& picture(Random& random) const { return pictures_[random() % pictures_.size()]; }

  void change_styles(Random& random) {
    if (random() % 3 == 0) {
      set_list(element_, "style-images", {picture(random), picture(random)});
    } else {
      g_object_set(element_, "style-image", picture(random).c_str(), nullptr);
    }
    g_object_set(element_, "style-size", static_cast<gint>(32 + random() % 3), nullptr);
    if (GObject* child = gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(element_), random() % 2)) {
      g_object_set(child, "weight", random() % 100 / 100.0, nullptr);
      g_object_unref(child);
    }
  }

  void change_numbers(Random& random) {
    g_object_set(element_, "strength", random() % 100 / 100.0, "transition-time", static_cast<guint64>(random() % 100'000'000),
                 "temporal-smoothing", static_cast<guint>(random() % 2 * 100), "style-position", random() % 2 - 0.5, nullptr);
    g_object_set(element_, "stabilization", random() % 2 * 0.5, "static-skip", static_cast<gboolean>(random() % 2), nullptr);
    const char* const kColors[] = {"none", "luma", "match"};
    gst_util_set_object_arg(G_OBJECT(element_), "preserve-color", kColors[random() % 3]);
  }

  void change_masks(Random& random) {
    g_object_set(element_, "mask", random() % 2 == 0 ? picture(random).c_str() : "", "mask-style", picture(random).c_str(),
                 "mask-feather", random() % 100 / 1000.0, "processing-height", static_cast<gint>(random() % 2 * 24), nullptr);
  }

  void read_and_preload(Random& random) {
    gboolean done = FALSE;
    g_signal_emit_by_name(element_, "preload-style", "kept", random() % 4 == 0 ? "none" : picture(random).c_str(), &done);
    g_signal_emit_by_name(element_, "use-style", "kept", &done);
    GstStructure* stats = nullptr;
    gchar* style = nullptr;
    g_object_get(element_, "stats", &stats, "style-image", &style, nullptr);
    gst_structure_free(stats);
    g_free(style);
    const QueryPtr latency(gst_query_new_latency());
    gst_element_query(element_, latency.get());
  }

  GstElement* const element_;
  const std::vector<std::string> pictures_;
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;  // last: they use all of the above
};

class ThreadsTest : public ::testing::TestWithParam<Core> {
 protected:
  void SetUp() override {
    const std::string library = environment(GetParam().library);
    ASSERT_NE(library, "") << "run this through meson test";
    use_core(library.c_str());
    GError* error = nullptr;
    pipeline_.reset(
        gst_parse_launch("videotestsrc is-live=false pattern=ball ! capsfilter name=size caps-change-mode=delayed ! "
                         "adainstyle name=painter threads=1 ! fakesink name=sink sync=false",
                         &error));
    ASSERT_EQ(error, nullptr) << error->message;
    gst_object_ref_sink(pipeline_.get());
    painter_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "painter"));
    g_object_set(painter_.get(), "style-image", GetParam().pictures().front().c_str(), "style-size", 32, nullptr);
    bus_.reset(gst_element_get_bus(pipeline_.get()));
    const ElementPtr sink(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "sink"));
    GstPad* pad = gst_element_get_static_pad(sink.get(), "sink");
    const auto count = [](GstPad*, GstPadProbeInfo*, gpointer frames) {
      ++*static_cast<std::atomic<int>*>(frames);
      return GST_PAD_PROBE_OK;
    };
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, &frames_, nullptr);
    gst_object_unref(pad);
  }

  void TearDown() override {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  void set_caps(const char* text) const {
    const ElementPtr filter(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "size"));
    gst_util_set_object_arg(G_OBJECT(filter.get()), "caps", text);
  }

  // Waits for so many frames more.
  bool plays_on(int more) const {
    const int wanted = frames_ + more;
    const gint64 deadline = g_get_monotonic_time() + static_cast<gint64>(kPatience / GST_USECOND);
    while (frames_ < wanted) {
      if (g_get_monotonic_time() > deadline) return false;
      g_usleep(1000);
    }
    return true;
  }

  // The first error on the bus; "" where there is none.
  std::string trouble() const {
    const MessagePtr error(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
    return error ? report_of(error.get()).text : "";
  }

  ElementPtr pipeline_;
  ElementPtr painter_;
  BusPtr bus_;
  std::atomic<int> frames_{0};
};

TEST_P(ThreadsTest, OutlivesAStorm) {
  set_caps("video/x-raw,format=RGB,width=32,height=20");
  ASSERT_NE(gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  ASSERT_TRUE(plays_on(2));
  {
    const Storm storm(painter_.get(), GetParam());
    for (int round = 0; round < GetParam().rounds; ++round) {
      for (const char* caps : {"video/x-raw,format=I420,width=64,height=48", "video/x-raw,format=BGRx,width=33,height=47",
                               "video/x-raw,format=RGB,width=32,height=20"}) {
        set_caps(caps);
        ASSERT_TRUE(plays_on(3)) << caps << trouble();
      }
      for (const GstState state : {GST_STATE_PAUSED, GST_STATE_PLAYING, round % 2 == 0 ? GST_STATE_READY : GST_STATE_NULL}) {
        EXPECT_NE(gst_element_set_state(pipeline_.get(), state), GST_STATE_CHANGE_FAILURE);
      }
      gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
  }
  EXPECT_TRUE(plays_on(2));
  EXPECT_EQ(trouble(), "");
}

INSTANTIATE_TEST_SUITE_P(Cores, ThreadsTest, ::testing::ValuesIn(kCores),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace adainstyle::test
