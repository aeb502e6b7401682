// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

// Every iteration frees and takes the same hundreds of megabytes. By default large blocks go back to the system, and each page is
// cleared and mapped anew when it comes again: 3 % of the time of a training.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

// Note [Spinning threads] in pipelines/media.cpp: on a busy machine threads that wait for each other by spinning take ten times as
// long. libgomp comes with LibTorch and has read its environment before main() begins, so the program starts itself once more.
void limit_spinning(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  setenv("GOMP_SPINCOUNT", "10000", 0);
  execv("/proc/self/exe", argv);  // where that cannot be, this one goes on
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning(argv);
  keep_freed_memory();
  CLI::App app("Makes, measures and describes the models of the adainstyle video filter.", "adainstyle-trainer");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, adainstyle::Command>> commands;
  const auto add = [&](const char* name, const char* description, adainstyle::Command (*add_command)(CLI::App*)) {
    CLI::App* command = app.add_subcommand(name, description);
    commands.emplace_back(command, add_command(command));
  };
  add("train", "Train a model from folders of pictures", adainstyle::add_train_command);
  add("import", "Make a model file from weights that exist already", adainstyle::add_import_command);
  add("evaluate", "Measure a model, or outputs made elsewhere", adainstyle::add_evaluate_command);
  add("info", "Say what a model file is", adainstyle::add_info_command);
  CLI11_PARSE(app, argc, argv);
  try {
    for (const auto& [command, run] : commands) {
      if (command->parsed()) run();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "adainstyle-trainer: %s\n", error.what());
    return 1;
  }
  return 0;
}
