// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace adainstyle {

// Each adds one command with its options to `app` and returns what runs it once the command line has been read. Everything
// throws Error.
using Command = std::function<void()>;

Command add_train_command(CLI::App* app);
Command add_import_command(CLI::App* app);
Command add_evaluate_command(CLI::App* app);
Command add_info_command(CLI::App* app);

}  // namespace adainstyle
