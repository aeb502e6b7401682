// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <string>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

struct Fault {
  const char* word;  // of fake_core.h
  const char* domain;
  int opening_code;
  int running_code;
  const char* text;
};

constexpr char kResource[] = "gst-resource-error-quark";
constexpr char kStream[] = "gst-stream-error-quark";
constexpr char kLibrary[] = "gst-library-error-quark";

const Fault kFaults[] = {
    {"settings", kResource, GST_RESOURCE_ERROR_SETTINGS, GST_RESOURCE_ERROR_SETTINGS, fake::kMessage},
    {"not-found", kResource, GST_RESOURCE_ERROR_NOT_FOUND, GST_RESOURCE_ERROR_NOT_FOUND, fake::kMessage},
    {"unreadable", kResource, GST_RESOURCE_ERROR_OPEN_READ, GST_RESOURCE_ERROR_OPEN_READ, fake::kMessage},
    {"not-an-image", kStream, GST_STREAM_ERROR_DECODE, GST_STREAM_ERROR_DECODE, fake::kMessage},
    {"malformed-model", kStream, GST_STREAM_ERROR_WRONG_TYPE, GST_STREAM_ERROR_WRONG_TYPE, fake::kMessage},
    {"device-absent", kResource, GST_RESOURCE_ERROR_NOT_FOUND, GST_RESOURCE_ERROR_NOT_FOUND, fake::kMessage},
    {"library", kLibrary, GST_LIBRARY_ERROR_INIT, GST_LIBRARY_ERROR_FAILED, fake::kMessage},
    {"out-of-memory", kResource, GST_RESOURCE_ERROR_NO_SPACE_LEFT, GST_RESOURCE_ERROR_NO_SPACE_LEFT, fake::kMessage},
    {"bad-alloc", kResource, GST_RESOURCE_ERROR_NO_SPACE_LEFT, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "Memory ran out"},
    {"runtime-error", kLibrary, GST_LIBRARY_ERROR_INIT, GST_LIBRARY_ERROR_FAILED, "something went wrong inside"},
    {"int", kLibrary, GST_LIBRARY_ERROR_INIT, GST_LIBRARY_ERROR_FAILED, "gave no reason"},
};

class ErrorsTest : public FakeCoreTest {
 protected:
  void expect_error(const char* domain, int code, const std::string& text) {
    const MessagePtr message = next_message(player_.bus(), GST_MESSAGE_ERROR);
    ASSERT_TRUE(message);
    const Report report = report_of(message.get());
    EXPECT_EQ(report.domain, domain);
    EXPECT_EQ(report.code, code);
    EXPECT_NE(report.text.find(text), std::string::npos) << report.text;
    EXPECT_FALSE(MessagePtr(gst_bus_pop_filtered(player_.bus(), GST_MESSAGE_ERROR))) << "a second error";
  }

  void expect_failure_to_reach(GstState state) {
    EXPECT_EQ(gst_element_set_state(player_.element(), state), GST_STATE_CHANGE_FAILURE);
  }

  Player player_;
};

class FaultsTest : public ErrorsTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(FaultsTest, OfTheModelAtStart) {
  g_object_set(player_.element(), "style-image", "value=1", "model", (std::string("throw=") + GetParam().word).c_str(), nullptr);
  expect_failure_to_reach(GST_STATE_PAUSED);
  expect_error(GetParam().domain, GetParam().opening_code, GetParam().text);
}

TEST_P(FaultsTest, OfTheStyleAtStart) {
  set_style(player_, (std::string("throw=") + GetParam().word).c_str());
  expect_failure_to_reach(GST_STATE_PAUSED);
  expect_error(GetParam().domain, GetParam().opening_code, GetParam().text);
}

TEST_P(FaultsTest, OfAFrame) {
  g_object_set(player_.element(), "style-image", "value=1", "model", (std::string("process-throw=") + GetParam().word).c_str(),
               nullptr);
  player_.play(info_);
  const BufferPtr frame = make_buffer(info_, test_picture(info_));
  EXPECT_EQ(gst_harness_push(player_.harness(), gst_buffer_ref(frame.get())), GST_FLOW_ERROR);
  expect_error(GetParam().domain, GetParam().running_code, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Each, FaultsTest, ::testing::ValuesIn(kFaults), [](const auto& info) {
  std::string name = info.param.word;
  for (char& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

TEST_F(ErrorsTest, TilesAreAWarningOnce) {
  g_object_set(player_.element(), "style-image", "value=1", "model", "tiles=6", "memory-limit", 20, nullptr);
  player_.play(info_);
  for (int frame = 0; frame < 3; ++frame) EXPECT_FALSE(player_.repaint(test_picture(info_)).empty());
  const MessagePtr warning = next_message(player_.bus(), GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  const Report report = report_of(warning.get());
  EXPECT_EQ(report.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  EXPECT_NE(report.text.find("6 tiles"), std::string::npos) << report.text;
  EXPECT_FALSE(MessagePtr(gst_bus_pop_filtered(player_.bus(), GST_MESSAGE_WARNING)));
}

TEST_F(ErrorsTest, WhatTheStylizerHasToSayIsAWarningOnce) {
  g_object_set(player_.element(), "style-image", "value=1", "model", "notice=slower", nullptr);
  player_.play(info_);
  for (int frame = 0; frame < 3; ++frame) EXPECT_FALSE(player_.repaint(test_picture(info_)).empty());
  const MessagePtr warning = next_message(player_.bus(), GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_NE(report_of(warning.get()).text.find("slower"), std::string::npos);
  EXPECT_FALSE(MessagePtr(gst_bus_pop_filtered(player_.bus(), GST_MESSAGE_WARNING)));
}

TEST_F(ErrorsTest, StyleNotSet) {
  expect_failure_to_reach(GST_STATE_PAUSED);
  expect_error(kResource, GST_RESOURCE_ERROR_SETTINGS, "Set the property style-image");
}

TEST_F(ErrorsTest, PlaysAfterTheMistakeIsPutRight) {
  expect_failure_to_reach(GST_STATE_PAUSED);
  gst_element_set_state(player_.element(), GST_STATE_NULL);
  set_style(player_, "value=3");
  player_.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(player_.repaint(picture), painted_picture(info_, picture, 3));
}

TEST_F(ErrorsTest, FailedStartLeavesNothingOpen) {
  set_style(player_, "throw=not-found");
  expect_failure_to_reach(GST_STATE_PAUSED);
  gst_element_set_state(player_.element(), GST_STATE_NULL);
  EXPECT_EQ(fake_->stylizers_alive(), 0);
}

TEST_F(ErrorsTest, CoreLibraryMissing) {
  set_style(player_, "value=1");
  use_core("/nonexistent/libadainstyle.so.0");
  expect_failure_to_reach(GST_STATE_READY);
  expect_error(kLibrary, GST_LIBRARY_ERROR_INIT, "/nonexistent/libadainstyle.so.0");
}

TEST_F(ErrorsTest, CoreLibraryOfAnotherRelease) {
  set_style(player_, "value=1");
  use_core(std::getenv("ADAINSTYLE_OTHER_ABI_CORE"));
  expect_failure_to_reach(GST_STATE_READY);
  expect_error(kLibrary, GST_LIBRARY_ERROR_INIT, "interface version 999");
}

TEST_F(ErrorsTest, AnotherLibraryInThePlaceOfTheCore) {
  set_style(player_, "value=1");
  use_core(std::getenv("ADAINSTYLE_NOT_A_CORE"));
  expect_failure_to_reach(GST_STATE_READY);
  expect_error(kLibrary, GST_LIBRARY_ERROR_INIT, "is not adainstyle's");
}

}  // namespace
}  // namespace adainstyle::test
