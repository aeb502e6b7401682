// SPDX-License-Identifier: MIT
#include "json_text.h"

#include <cstdio>
#include <set>
#include <vector>

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

using Json = nlohmann::json;

// An array or object that is open.
struct Level {
  std::set<std::string> keys;
  std::string last_key;
};

// Watches the parser go by: counts the nesting and keeps the keys of every object that is open.
class Watcher {
 public:
  explicit Watcher(const std::string& what) : what_(what) {}

  bool operator()(int /*depth*/, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start: open(); break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end: levels_.pop_back(); break;
      case Json::parse_event_t::key: add_key(parsed.get_ref<const std::string&>()); break;
      case Json::parse_event_t::value: break;
    }
    return true;
  }

 private:
  void open() {
    if (levels_.size() >= kMaxJsonDepth) {
      throw Error(ErrorCode::kMalformedModel,
                  what_ + ": expected JSON of at most " + std::to_string(kMaxJsonDepth) + " nested levels, found more");
    }
    levels_.emplace_back();
  }

  void add_key(const std::string& key) {
    Level& level = levels_.back();
    level.last_key = key;
    if (!level.keys.insert(key).second) {
      const bool nested = levels_.size() > 1 && !levels_[levels_.size() - 2].last_key.empty();
      throw Error(ErrorCode::kMalformedModel, what_ + ": expected every name once, found " + in_quotes(key) + " twice" +
                                                  (nested ? " in " + in_quotes(levels_[levels_.size() - 2].last_key) : ""));
    }
  }

  const std::string& what_;
  std::vector<Level> levels_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& what) {
  Watcher watcher(what);
  try {
    return Json::parse(text.begin(), text.end(), std::ref(watcher));
  } catch (const Json::parse_error& error) {
    // The library's own text quotes the input, which need not be UTF-8.
    throw Error(ErrorCode::kMalformedModel, what + ": expected JSON, found an error at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kMalformedModel, what + ": expected JSON, found a number that no double can hold");
  }
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string result = "\"";
  std::size_t length = std::min(text.size(), kLongest);
  // Never cut inside a UTF-8 sequence.
  while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0u) == 0x80u) {
    --length;
  }
  for (const char c : text.substr(0, length)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02X", byte);
      result += escape;
    } else {
      result += c;
    }
  }
  return result + (length < text.size() ? "...\"" : "\"");
}

}  // namespace adainstyle
