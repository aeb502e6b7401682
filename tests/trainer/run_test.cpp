// SPDX-License-Identifier: MIT
// The built program from its command line: what a stopped, killed, diverging or hindered training does.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "checkpoint.h"
#include "model_file.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"
#include "training_files.h"

namespace adainstyle {
namespace {

using test::TrainerProcess;
using Arguments = std::vector<std::string>;

class TrainRun : public ::testing::Test {
 protected:
  TrainRun() { test::make_training_files(folder_.path()); }

  std::string file(const std::string& name) const { return folder_.path(name); }

  // A training of 40 small iterations, the first five as an autoencoder; `more`: options and their values that replace these, or
  // flags.
  Arguments arguments(const std::string& name, const Arguments& more = {}) const {
    std::vector<std::pair<std::string, std::string>> options = {{"--content", file("content")},
                                                                {"--style", file("style")},
                                                                {"--vgg", file("vgg.safetensors")},
                                                                {"--crop", "32"},
                                                                {"--resize", "40"},
                                                                {"--batch-size", "2"},
                                                                {"--iterations", "35"},
                                                                {"--autoencoder-iterations", "5"},
                                                                {"--warmup", "5"},
                                                                {"--identity-weight", "5"},
                                                                {"--noise-weight", "0.1"},
                                                                {"--threads", "1"},
                                                                {"--log-every", "1"},
                                                                {"--output", file(name + ".safetensors")}};
    Arguments all = {"train"};
    for (const auto& [option, value] : options) {
      if (std::find(more.begin(), more.end(), option) == more.end()) all.insert(all.end(), {option, value});
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  void expect_success(const std::string& name, const Arguments& more = {}) const {
    TrainerProcess process(arguments(name, more), file(name + ".log"));
    EXPECT_EQ(process.wait(), 0) << process.messages();
  }

  std::vector<std::uint8_t> checkpoint(const std::string& name) const {
    return test::read_bytes(file(name + ".checkpoint.safetensors"));
  }

  // Each iteration has its entry once.
  static void expect_iterations_in_order(const std::string& path, int count) {
    std::ifstream log(path);
    int iteration = 0;
    for (std::string line; std::getline(log, line);) EXPECT_EQ(nlohmann::json::parse(line).at("iteration"), ++iteration) << line;
    EXPECT_EQ(iteration, count);
  }

  test::TemporaryFolder folder_;
};

TEST_F(TrainRun, SameSeedSameBytesAndAModelThatOpens) {
  expect_success("a");
  expect_success("b");
  EXPECT_EQ(checkpoint("a"), checkpoint("b"));
  expect_success("c", {"--seed", "2"});
  EXPECT_NE(checkpoint("a"), checkpoint("c"));
  const Model model = read_model(file("a.safetensors"));
  EXPECT_EQ(model.training.at("iterations_done"), 40);
  EXPECT_EQ(model.training.at("content"), "content");
}

TEST_F(TrainRun, KilledRunGoesOnBitForBit) {
  expect_success("whole");
  {
    TrainerProcess process(arguments("cut", {"--checkpoint-minutes", "0", "--log", file("logs")}), file("cut.log"));
    ASSERT_TRUE(process.wait_for_message("20/40")) << process.messages();
    process.signal(SIGKILL);
    ASSERT_EQ(process.wait(), -SIGKILL);
  }
  // Iterations that no checkpoint remembers, and a line cut short.
  std::ofstream(file("logs/log.jsonl"), std::ios::app) << R"({"iteration":39,"kind":"train"})"
                                                       << "\n"
                                                       << R"({"iteration":40,"ki)";
  expect_success("cut", {"--resume", "--log", file("logs")});
  EXPECT_EQ(checkpoint("whole"), checkpoint("cut"));
  expect_iterations_in_order(file("logs/log.jsonl"), 40);
}

TEST_F(TrainRun, StoppedRunSavesAndGoesOn) {
  expect_success("whole");
  {
    TrainerProcess process(arguments("cut"), file("cut.log"));
    ASSERT_TRUE(process.wait_for_message("12/40")) << process.messages();
    process.signal(SIGTERM);
    ASSERT_EQ(process.wait(), 0) << process.messages();
    EXPECT_NE(process.messages().find("--resume"), std::string::npos);
  }
  EXPECT_NE(checkpoint("whole"), checkpoint("cut"));
  TrainerProcess resumed(arguments("cut", {"--resume", "--lr", "0.5"}), file("resumed.log"));
  EXPECT_EQ(resumed.wait(), 0) << resumed.messages();
  EXPECT_NE(resumed.messages().find("keeps its lr, 0.001, and not 0.5"), std::string::npos) << resumed.messages();
  EXPECT_EQ(checkpoint("whole"), checkpoint("cut"));
}

TEST_F(TrainRun, TerminalSeesABar) {
  // `script` gives the program a terminal.
  std::string line = std::getenv("ADAINSTYLE_TRAINER");
  for (const std::string& argument : arguments("bar", {"--iterations", "5"})) line += " " + argument;
  ASSERT_EQ(std::system(("script -qec '" + line + "' " + file("bar.log") + " > /dev/null").c_str()), 0);
  const std::vector<std::uint8_t> bytes = test::read_bytes(file("bar.log"));
  const std::string seen(bytes.begin(), bytes.end());
  EXPECT_NE(seen.find("\r\033[K[############............] 5/10"), std::string::npos) << seen;
  EXPECT_NE(seen.find("images/s, 0:00:00 left"), std::string::npos) << seen;
}

TEST_F(TrainRun, DivergingRunGoesBackWithALowerRate) {
  TrainerProcess process(arguments("wild", {"--lr", "1e4", "--clip", "1e30", "--checkpoint-minutes", "100"}), file("wild.log"));
  const int status = process.wait();
  EXPECT_NE(process.messages().find("back to the checkpoint of iteration 0, learning rate times 0.5"), std::string::npos)
      << process.messages();
  if (status != 0) {
    EXPECT_NE(process.messages().find("lower --lr"), std::string::npos) << process.messages();
  }
}

TEST_F(TrainRun, WhatCannotBeWrittenIsSaidBeforeTraining) {
  TrainerProcess process(arguments("x", {"--output", file("nowhere/x.safetensors")}), file("x.log"));
  EXPECT_EQ(process.wait(), 1);
  EXPECT_NE(process.messages().find("nowhere"), std::string::npos) << process.messages();
  EXPECT_EQ(process.messages().find("1/40"), std::string::npos);
}

TEST_F(TrainRun, FullDiskLeavesTheLastCheckpoint) {
  // A limit on the size of files stands for a full disk: a checkpoint no longer fits.
  expect_success("full");
  const std::vector<std::uint8_t> before = checkpoint("full");
  const Arguments all = arguments("full", {"--resume"});
  std::string command = "ulimit -f 100; trap '' XFSZ; exec '" + std::string(std::getenv("ADAINSTYLE_TRAINER")) + "'";
  for (const std::string& argument : all) command += " '" + argument + "'";
  command += " 2> '" + file("full2.log") + "'";
  EXPECT_NE(std::system(("bash -c \"" + command + "\"").c_str()), 0);
  EXPECT_EQ(checkpoint("full"), before);
  for (const std::string& name : folder_.entries()) EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
}

TEST_F(TrainRun, WrongOptionsAreNamed) {
  const std::pair<Arguments, const char*> kCases[] = {
      {{"--crop", "30"}, "multiple of 8"},   {{"--decoder-norm", "batch"}, "--mode paper"},
      {{"--network", "nosuch"}, "nosuch"},   {{"--vgg", file("none")}, "none"},
      {{"--content", file("none")}, "none"}, {{"--init", file("vgg.safetensors")}, "vgg"},
      {{"--val-every", "0"}, "--val-every"}, {{"--val-content", file("content")}, "--val-style"}};
  for (const auto& [more, part] : kCases) {
    SCOPED_TRACE(more.back());
    TrainerProcess process(arguments("x", more), file("x.log"));
    EXPECT_NE(process.wait(), 0);
    EXPECT_NE(process.messages().find(part), std::string::npos) << process.messages();
  }
}

TEST_F(TrainRun, PaperModeAndItsAblationRun) {
  expect_success("paper", {"--mode", "paper", "--network", "vgg19", "--noise-weight", "0", "--iterations", "3"});
  EXPECT_EQ(read_model(file("paper.safetensors")).network.decoder.size(), 13u);
  for (const std::string norm : {"batch", "instance"}) {
    TrainerProcess process(
        arguments(norm, {"--mode", "paper", "--network", "vgg19", "--noise-weight", "0", "--iterations", "3", "--decoder-norm",
                         norm, "--log", file(norm), "--val-content", file("content"), "--val-style", file("style")}),
        file(norm + ".log"));
    EXPECT_EQ(process.wait(), 0) << process.messages();
    EXPECT_NE(process.messages().find("No validation"), std::string::npos) << process.messages();
    EXPECT_FALSE(test::path_exists(file(norm + ".safetensors")));
    EXPECT_TRUE(test::path_exists(file(norm + ".checkpoint.safetensors")));
    std::ifstream curve(file(norm + "/log.jsonl"));
    int points = 0;
    for (std::string line; std::getline(curve, line); ++points) {
      const nlohmann::json entry = nlohmann::json::parse(line);
      EXPECT_GT(entry.at("style").get<double>(), 0.0);
      EXPECT_GT(entry.at("content").get<double>(), 0.0);
    }
    EXPECT_GE(points, 3);
  }
}

TEST_F(TrainRun, LogsAreReadByTheirReaders) {
  expect_success("logged",
                 {"--log", file("logs"), "--val-content", file("content"), "--val-style", file("style"), "--val-every", "20"});
  std::ifstream log(file("logs/log.jsonl"));
  int train = 0, validation = 0;
  for (std::string line; std::getline(log, line);) {
    const nlohmann::json entry = nlohmann::json::parse(line);
    if (entry.at("kind") == "train") {
      EXPECT_EQ(entry.at("iteration"), ++train);
      EXPECT_GT(entry.at("total").get<double>(), 0.0);
    } else {
      EXPECT_EQ(entry.at("iteration"), validation++ * 20);
      EXPECT_EQ(entry.at("pairs"), 6);
    }
  }
  EXPECT_EQ(train, 40);
  EXPECT_EQ(validation, 3);

  const char* python = std::getenv("ADAINSTYLE_PYTHON");
  const std::string interpreter = python != nullptr ? python : "python3";
  if (std::system((interpreter + " -c 'import tensorboard' 2> /dev/null").c_str()) != 0) {
    if (test::in_continuous_integration()) FAIL() << "Python's tensorboard is missing";
    GTEST_SKIP() << "Python's tensorboard is not here; scripts/setup.sh --tests installs it";
  }
  std::ofstream(file("read.py")) << R"(
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0})
events.Reload()
total = events.Scalars('loss/total')
assert [e.step for e in total] == list(range(1, 41)), total
assert all(e.value > 0 for e in total)
assert [e.step for e in events.Scalars('validation/Ls')] == [0, 20, 40]
grids = events.Images('validation/grid')
assert [e.step for e in grids] == [0, 20, 40]
assert (grids[0].width, grids[0].height) == (3 * 256, 6 * 256)
assert grids[0].encoded_image_string[:4] == b'\x89PNG'
)";
  EXPECT_EQ(std::system((interpreter + " " + file("read.py") + " " + file("logs")).c_str()), 0);
}

TEST_F(TrainRun, AbsentDeviceIsSaid) {
  for (const auto& [device, complaint] :
       {std::pair<std::string, std::string>{"cuda:77", "GPU 77 is asked for"}, {"tpu", "must be auto, cpu, cuda or cuda:N"}}) {
    TrainerProcess process(arguments("absent", {"--device", device}), file("absent.log"));
    EXPECT_EQ(process.wait(), 1);
    EXPECT_NE(process.messages().find(complaint), std::string::npos) << process.messages();
  }
}

class SeveralProcesses : public TrainRun {
 protected:
  static Arguments environment(int rank, int port) {
    return {"RANK=" + std::to_string(rank), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port)};
  }
  // Ports that two test programs at once would hardly share.
  static int port(int offset) { return 20000 + static_cast<int>(::getpid()) % 20000 + offset; }
};

TEST_F(SeveralProcesses, TwoEndWhereOneWithTwiceTheBatchEnds) {
  // A few steps: Adam makes a large difference of a small one where a gradient is next to nothing.
  const Arguments few = {"--precision", "fp32", "--autoencoder-iterations", "2", "--iterations", "3"};
  Arguments half_batch = few;
  half_batch.insert(half_batch.end(), {"--batch-size", "1"});
  expect_success("one", few);
  const Arguments half = arguments("two", half_batch);
  TrainerProcess first(half, file("0.log"), environment(0, port(0))), second(half, file("1.log"), environment(1, port(0)));
  ASSERT_EQ(first.wait(), 0) << first.messages();
  ASSERT_EQ(second.wait(), 0) << second.messages();
  const std::vector<float> a = read_safetensors(file("one.checkpoint.safetensors")).tensors.at("weights").values;
  const std::vector<float> b = read_safetensors(file("two.checkpoint.safetensors")).tensors.at("weights").values;
  ASSERT_EQ(a.size(), b.size());
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  EXPECT_LT(difference, 1e-6 * size);
}

TEST_F(SeveralProcesses, TorchrunStartsThem) {
  const char* python = std::getenv("ADAINSTYLE_PYTHON");
  if (python == nullptr || std::system((std::string(python) + " -c 'import torch.distributed.run' 2> /dev/null").c_str()) != 0) {
    if (std::getenv("CI") != nullptr) FAIL() << "Python's torch is not here";
    GTEST_SKIP() << "Python's torch is not here; scripts/setup.sh --tests installs it";
  }
  std::string line = std::string(python) + " -m torch.distributed.run --no-python --nproc-per-node 2 --master-port " +
                     std::to_string(port(2)) + " -- " + std::getenv("ADAINSTYLE_TRAINER");
  // The option that torchrun would take for one of its own without the two dashes.
  for (const std::string& argument : arguments("torchrun", {"--log", file("logs")})) line += " " + argument;
  ASSERT_EQ(std::system((line + " 2> " + file("torchrun.log")).c_str()), 0) << file("torchrun.log");
  EXPECT_EQ(read_model(file("torchrun.safetensors")).training.at("pictures_per_iteration"), 4);
}

TEST_F(SeveralProcesses, KilledOneEndsTheOtherAndTheRunResumes) {
  const Arguments all = arguments("pair", {"--iterations", "100000", "--timeout", "60"});
  TrainerProcess first(all, file("0.log"), environment(0, port(1))), second(all, file("1.log"), environment(1, port(1)));
  ASSERT_TRUE(first.wait_for_message("3/")) << first.messages();
  second.signal(SIGKILL);
  EXPECT_EQ(first.wait(), 1);
  EXPECT_NE(first.messages().find("Another process of the training does not answer"), std::string::npos) << first.messages();
  TrainerProcess resumed(arguments("pair", {"--resume"}), file("2.log"));
  EXPECT_TRUE(resumed.wait_for_message("1/")) << resumed.messages();
  resumed.signal(SIGTERM);
  EXPECT_EQ(resumed.wait(), 0);
}

}  // namespace
}  // namespace adainstyle
