// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adainstyle/stylizer.h"
#include "style_loader.h"

namespace adainstyle::gst {

// Shares of several styles at once.
struct StyleShares {
  std::vector<float> weights;  // by style; one that is missing counts 0. None above 0: equal shares
  float position = -1.0f;      // 0 or more: between style floor(position) and the next one, instead of the weights

  bool operator==(const StyleShares& other) const { return weights == other.weights && position == other.position; }
};

// The shares of `count` styles as weights, at least one of them above 0.
std::vector<float> weights_of(const StyleShares& shares, std::size_t count);

// What became of a request.
struct StyleReport {
  StyleSource source;
  std::string name;          // see StyleRequest
  bool automatic = false;    // see StyleRequest
  std::exception_ptr error;  // null: it is ready
};

// The styles of an element between start and stop: which are in use, which are kept under a name, which are being loaded.
class StyleSwitcher {
 public:
  // Loads the first style before it returns; throws what the stylizer throws. `stylizer` must outlive the object. `report` is
  // called on the loader's thread, without any lock held, and must not throw.
  StyleSwitcher(Stylizer& stylizer, const StyleSource& first, std::function<void(const StyleReport&)> report);

  // Of these, all but mixed() may be called from any thread and return at once.
  void use(const StyleSource& source);
  void preload(const std::string& name, const StyleSource& source);

  // Switches to what is kept under a name. Returns false where nothing is (yet).
  bool use_preloaded(const std::string& name);

  // The colours that style pictures are given from now on; nullopt: their own. Loads what is in use anew.
  void set_colors(const std::optional<ColorStatistics>& colors);
  bool has_colors() const;

  // The style of the next frame. Streaming thread only.
  std::shared_ptr<const Style> mixed(const StyleShares& shares);

 private:
  using StyleList = std::vector<std::shared_ptr<const Style>>;

  struct Kept {
    StyleSource source;
    StyleList styles;
  };

  StyleList load(const StyleSource& source, const std::optional<ColorStatistics>& colors) const;
  void load_and_report(const StyleRequest& request) noexcept;
  void request(const StyleSource& source, bool automatic);  // with lock_ held

  Stylizer& stylizer_;
  const std::function<void(const StyleReport&)> report_;

  mutable std::mutex lock_;  // guards the next seven
  StyleList in_use_;
  StyleSource source_in_use_;
  StyleSource wanted_;  // the last one asked for: in use, being loaded or waiting
  std::map<std::string, Kept> kept_;
  std::optional<ColorStatistics> colors_;
  std::uint64_t last_number_ = 0;
  std::uint64_t number_in_use_ = 0;

  // Streaming thread only: the last result of mixed() and what it was made of.
  StyleList mixed_styles_;
  StyleShares mixed_shares_;
  std::shared_ptr<const Style> mixed_;

  std::unique_ptr<StyleLoader> loader_;  // last: its thread uses all of the above
};

}  // namespace adainstyle::gst
