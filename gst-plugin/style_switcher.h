// SPDX-License-Identifier: MIT
#pragma once

#include <array>
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
  std::string name;        // see StyleRequest
  bool automatic = false;  // see StyleRequest
  StyleTarget target = StyleTarget::kFrame;
  std::exception_ptr error;  // null: it is ready
};

// What the element uses from the start on; a mask and a style outside of it may be without paths, and then there are none.
using StyleSources = std::array<StyleSource, kStyleTargets>;

// The styles of an element between start and stop, and its mask: which are in use, which are kept under a name, which are being
// loaded.
class StyleSwitcher {
 public:
  // Loads the first styles and mask before it returns; throws what the stylizer throws. `stylizer` must outlive the object. `report` is
  // called on the loader's thread, without any lock held, and must not throw.
  StyleSwitcher(Stylizer& stylizer, const StyleSources& first, std::function<void(const StyleReport&)> report);

  // Of these, all but mixed() may be called from any thread and return at once.
  void use(StyleTarget target, const StyleSource& source);
  void preload(const std::string& name, const StyleSource& source);

  // Switches to what is kept under a name. Returns false where nothing is (yet).
  bool use_preloaded(const std::string& name);

  // The colours that style pictures are given from now on; nullopt: their own. Loads what is in use anew.
  void set_colors(const std::optional<ColorStatistics>& colors);
  bool has_colors() const;

  // The style of the next frame. Streaming thread only.
  std::shared_ptr<const Style> mixed(const StyleShares& shares);

  // The same for the mask and the style outside of it; null: none.
  std::shared_ptr<const Mask> mask() const;
  std::shared_ptr<const Style> outside() const;

 private:
  using StyleList = std::vector<std::shared_ptr<const Style>>;

  // What there is for one target.
  struct Slot {
    StyleList styles;                  // in use
    std::shared_ptr<const Mask> mask;  // in use; of StyleTarget::kMask only
    StyleSource source;                // of what is in use
    StyleSource wanted;                // the last one asked for: in use, being loaded or waiting
    std::uint64_t number = 0;          // of the request that made what is in use
  };

  struct Kept {
    StyleSource source;
    StyleList styles;
  };

  Slot& slot(StyleTarget target) { return slots_[static_cast<int>(target)]; }
  const Slot& slot(StyleTarget target) const { return slots_[static_cast<int>(target)]; }
  void load(StyleTarget target, const StyleSource& source, const std::optional<ColorStatistics>& colors, Slot& loaded) const;
  void load_and_report(const StyleRequest& request) noexcept;
  void request(StyleTarget target, const StyleSource& source, bool automatic);  // with lock_ held

  Stylizer& stylizer_;
  const std::function<void(const StyleReport&)> report_;

  mutable std::mutex lock_;  // guards the next four
  std::array<Slot, kStyleTargets> slots_;
  std::map<std::string, Kept> kept_;
  std::optional<ColorStatistics> colors_;
  std::uint64_t last_number_ = 0;

  // Streaming thread only: the last result of mixed() and what it was made of.
  StyleList mixed_styles_;
  StyleShares mixed_shares_;
  std::shared_ptr<const Style> mixed_;

  std::unique_ptr<StyleLoader> loader_;  // last: its thread uses all of the above
};

}  // namespace adainstyle::gst
