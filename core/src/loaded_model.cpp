// SPDX-License-Identifier: MIT
#include "loaded_model.h"

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <tuple>

#include "engine/devices.h"
#include "model_file.h"
#include "network.h"

namespace adainstyle {
namespace {

// A model file as it is now; a file that was replaced is another one.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator<(const FileIdentity& other) const {
    return std::tie(device, inode, size, modified_ns) < std::tie(other.device, other.inode, other.size, other.modified_ns);
  }
};

FileIdentity identify(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};  // reading it gives the error
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

class ModelCache {
 public:
  std::shared_ptr<const LoadedModel> get(const std::string& path, const Device& device, Precision precision) {
    const std::lock_guard lock(mutex_);  // also keeps two stylizers from loading the same model twice
    const Key key{identify(path), device.type, device.index, precision};
    std::weak_ptr<const LoadedModel>& entry = models_[key];
    std::shared_ptr<const LoadedModel> model = entry.lock();
    if (!model) {
      const Model file = read_model(path);
      const auto id = ids_.emplace(std::get<0>(key), ids_.size() + 1).first->second;
      model = std::make_shared<const LoadedModel>(
          LoadedModel{prepare(file, device, precision), id, receptive_radius(file.network), overall_stride(file.network)});
      entry = model;
    }
    return model;
  }

 private:
  using Key = std::tuple<FileIdentity, DeviceType, int, Precision>;

  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const LoadedModel>> models_;
  std::map<FileIdentity, std::uint64_t> ids_;
};

ModelCache& model_cache() {
  static ModelCache* cache = new ModelCache;  // never destroyed: a stylizer may outlive static destruction
  return *cache;
}

}  // namespace

std::shared_ptr<const LoadedModel> load_model(const std::string& path, const Device& device, Precision precision) {
  return model_cache().get(path, device, precision);
}

}  // namespace adainstyle
