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

StyleSwitcher::StyleSwitcher(Stylizer& stylizer, const StyleSource& first, std::function<void(const StyleReport&)> report)
    : stylizer_(stylizer), report_(std::move(report)) {
  in_use_ = load(first, std::nullopt);
  source_in_use_ = wanted_ = first;
  loader_ = std::make_unique<StyleLoader>([this](const StyleRequest& request) { load_and_report(request); });
}

void StyleSwitcher::use(const StyleSource& source) {
  const std::lock_guard guard(lock_);
  request(source, false);
}

void StyleSwitcher::preload(const std::string& name, const StyleSource& source) {
  const std::lock_guard guard(lock_);
  loader_->request({source, name, false, ++last_number_});
}

bool StyleSwitcher::use_preloaded(const std::string& name) {
  const std::lock_guard guard(lock_);
  const auto kept = kept_.find(name);
  if (kept == kept_.end()) return false;
  in_use_ = kept->second.styles;
  source_in_use_ = wanted_ = kept->second.source;
  number_in_use_ = ++last_number_;
  if (colors_) request(wanted_, true);
  return true;
}

void StyleSwitcher::set_colors(const std::optional<ColorStatistics>& colors) {
  const std::lock_guard guard(lock_);
  colors_ = colors;
  request(wanted_, true);
}

bool StyleSwitcher::has_colors() const {
  const std::lock_guard guard(lock_);
  return colors_.has_value();
}

std::shared_ptr<const Style> StyleSwitcher::mixed(const StyleShares& shares) {
  StyleList styles;
  {
    const std::lock_guard guard(lock_);
    styles = in_use_;
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

StyleSwitcher::StyleList StyleSwitcher::load(const StyleSource& source, const std::optional<ColorStatistics>& colors) const {
  if (source.paths.empty()) {
    throw Error(ErrorCode::kSettings,
                "No style picture is set. Set the property style-image, or style-images, to the path of a JPEG or PNG picture.");
  }
  StyleList styles;
  for (const std::string& path : source.paths) styles.push_back(stylizer_.load_style(path, source.style_size, colors));
  return styles;
}

// Runs on the loader's thread.
void StyleSwitcher::load_and_report(const StyleRequest& request) noexcept {
  StyleReport result{request.source, request.name, request.automatic, nullptr};
  try {
    std::optional<ColorStatistics> colors;
    {
      const std::lock_guard guard(lock_);
      colors = colors_;
    }
    StyleList styles = load(request.source, colors);
    const std::lock_guard guard(lock_);
    if (!request.name.empty()) {
      kept_[request.name] = {request.source, std::move(styles)};
    } else if (request.number > number_in_use_) {
      in_use_.swap(styles);
      source_in_use_ = request.source;
      number_in_use_ = request.number;
    }
  } catch (...) {
    result.error = std::current_exception();
    const std::lock_guard guard(lock_);
    // What cannot be loaded is not tried again when the colours change.
    if (request.name.empty() && wanted_ == request.source) wanted_ = source_in_use_;
  }
  report_(result);
}

void StyleSwitcher::request(const StyleSource& source, bool automatic) {
  wanted_ = source;
  loader_->request({source, "", automatic, ++last_number_});
}

}  // namespace adainstyle::gst
