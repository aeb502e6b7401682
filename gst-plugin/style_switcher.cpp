// SPDX-License-Identifier: MIT
#include "style_switcher.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace adainstyle::gst {

std::vector<float> weights_of(const StyleShares& shares, std::size_t count) {
  std::vector<float> weights(count, 0.0f);
  if (shares.position >= 0.0f) {
    const float position = std::min(shares.position, static_cast<float>(count - 1));
    const auto before = static_cast<std::size_t>(position);
    const float share = position - static_cast<float>(before);
    weights[before] = 1.0f - share;
    if (share > 0.0f) weights[before + 1] = share;
    return weights;
  }
  std::copy_n(shares.weights.begin(), std::min(count, shares.weights.size()), weights.begin());
  if (std::none_of(weights.begin(), weights.end(), [](float weight) { return weight > 0.0f; }))
    std::fill(weights.begin(), weights.end(), 1.0f);
  return weights;
}

StyleSwitcher::StyleSwitcher(Stylizer& stylizer, const StyleSources& first, std::function<void(const StyleReport&)> report)
    : stylizer_(stylizer), report_(std::move(report)) {
  for (const StyleTarget target : {StyleTarget::kFrame, StyleTarget::kOutside, StyleTarget::kMask}) {
    const StyleSource& source = first[static_cast<int>(target)];
    Slot& empty = slot(target);
    empty.source = empty.wanted = source;
    if (target == StyleTarget::kFrame || !source.paths.empty()) load(target, source, std::nullopt, empty);
  }
  loader_ = std::make_unique<StyleLoader>([this](const StyleRequest& request) { load_and_report(request); });
}

void StyleSwitcher::use(StyleTarget target, const StyleSource& source) {
  const std::lock_guard guard(lock_);
  if (target == StyleTarget::kFrame || !source.paths.empty()) {
    request(target, source, false);
  } else {
    slot(target) = {{}, nullptr, source, source, ++last_number_};
  }
}

void StyleSwitcher::preload(const std::string& name, const StyleSource& source) {
  const std::lock_guard guard(lock_);
  loader_->request({source, name, false, ++last_number_});
}

bool StyleSwitcher::use_preloaded(const std::string& name) {
  const std::lock_guard guard(lock_);
  const auto kept = kept_.find(name);
  if (kept == kept_.end()) return false;
  slot(StyleTarget::kFrame) = {kept->second.styles, nullptr, kept->second.source, kept->second.source, ++last_number_};
  if (colors_) request(StyleTarget::kFrame, kept->second.source, true);
  return true;
}

void StyleSwitcher::set_colors(const std::optional<ColorStatistics>& colors) {
  const std::lock_guard guard(lock_);
  colors_ = colors;
  for (const StyleTarget target : {StyleTarget::kFrame, StyleTarget::kOutside}) {
    if (!slot(target).wanted.paths.empty()) request(target, StyleSource(slot(target).wanted), true);
  }
}

bool StyleSwitcher::has_colors() const {
  const std::lock_guard guard(lock_);
  return colors_.has_value();
}

std::shared_ptr<const Mask> StyleSwitcher::mask() const {
  const std::lock_guard guard(lock_);
  return slot(StyleTarget::kMask).mask;
}

std::shared_ptr<const Style> StyleSwitcher::outside() const {
  const std::lock_guard guard(lock_);
  const StyleList& styles = slot(StyleTarget::kOutside).styles;
  return styles.empty() ? nullptr : styles.front();
}

std::shared_ptr<const Style> StyleSwitcher::mixed(const StyleShares& shares) {
  StyleList styles;
  {
    const std::lock_guard guard(lock_);
    styles = slot(StyleTarget::kFrame).styles;
  }
  if (mixed_ && styles == mixed_styles_ && shares == mixed_shares_) return mixed_;
  if (styles.size() == 1) {
    mixed_ = styles.front();
  } else {
    const std::vector<float> weights = weights_of(shares, styles.size());
    std::vector<WeightedStyle> weighted;
    for (std::size_t i = 0; i < styles.size(); ++i) weighted.push_back({styles[i], weights[i]});
    mixed_ = stylizer_.mix_styles(weighted);
  }
  mixed_styles_ = std::move(styles);
  mixed_shares_ = shares;
  return mixed_;
}

// Fills styles or mask of `loaded`.
void StyleSwitcher::load(StyleTarget target, const StyleSource& source, const std::optional<ColorStatistics>& colors,
                         Slot& loaded) const {
  if (source.paths.empty()) {
    throw Error(ErrorCode::kSettings,
                "No style picture is set. Set the property style-image, or style-images, to the path of a JPEG or PNG picture.");
  }
  for (const std::string& path : source.paths) {
    if (target == StyleTarget::kMask) {
      loaded.mask = stylizer_.load_mask(path);
    } else {
      loaded.styles.push_back(stylizer_.load_style(path, source.style_size, colors));
    }
  }
}

// Runs on the loader's thread.
void StyleSwitcher::load_and_report(const StyleRequest& request) noexcept {
  StyleReport result{request.source, request.name, request.automatic, request.target, nullptr};
  try {
    std::optional<ColorStatistics> colors;
    {
      const std::lock_guard guard(lock_);
      colors = colors_;
    }
    Slot loaded;  // what it replaces is freed after the lock
    load(request.target, request.source, colors, loaded);
    const std::lock_guard guard(lock_);
    Slot& target = slot(request.target);
    if (!request.name.empty()) {
      kept_[request.name] = {request.source, std::move(loaded.styles)};
    } else if (request.number > target.number) {
      target.styles.swap(loaded.styles);
      target.mask.swap(loaded.mask);
      target.source = request.source;
      target.number = request.number;
    }
  } catch (...) {
    result.error = std::current_exception();
    const std::lock_guard guard(lock_);
    // What cannot be loaded is not tried again when the colours change.
    Slot& target = slot(request.target);
    if (request.name.empty() && target.wanted == request.source) target.wanted = target.source;
  }
  report_(result);
}

void StyleSwitcher::request(StyleTarget target, const StyleSource& source, bool automatic) {
  slot(target).wanted = source;
  loader_->request({source, "", automatic, ++last_number_, target});
}

}  // namespace adainstyle::gst
