// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "adainstyle/error.h"
#include "dataset.h"
#include "loss_network.h"
#include "model_file.h"
#include "plain_network.h"
#include "stylize_plain.h"
#include "support/expect_error.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"
#include "torch_file.h"
#include "training_files.h"
#include "unpickler.h"
#include "validation.h"
#include "vgg_import.h"

namespace adainstyle {
namespace {

using std::string_literals::operator""s;

std::vector<PickledTensor> unpickle(const std::string& bytes) {
  std::size_t end = 0;
  const std::vector<PickledTensor> tensors =
      unpickle_state_dict(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), "a test", &end);
  EXPECT_EQ(end, bytes.size());
  return tensors;
}

void expect_refused(const std::string& pickle, const std::string& part) {
  test::expect_error(ErrorCode::kMalformedModel, {"a test", part}, [&] { unpickle(pickle); });
}

// Pieces of pickles.
std::string text(const std::string& value) { return "\x8c"s + static_cast<char>(value.size()) + value; }
std::string storage(const std::string& type, const std::string& elements) {
  return "("s + text("storage") + "ctorch\n" + type + "\n" + text("0") + text("cpu") + elements + "tQ";
}
std::string tensor(const std::string& stored, const std::string& offset, const std::string& shape, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n("s + stored + offset + shape + strides + "\x89}tR";
}
std::string dictionary(const std::string& name, const std::string& value) { return "\x80\x02}"s + text(name) + value + "s."; }

TEST(Unpickler, ReadsATensor) {
  const std::string pickle = dictionary("w", tensor(storage("HalfStorage", "K\x06"), "K\x01", "K\x01K\x03\x86", "K\x03K\x01\x86"));
  const std::vector<PickledTensor> tensors = unpickle(pickle);
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].storage_type, "HalfStorage");
  EXPECT_EQ(tensors[0].storage_size, 6u);
  EXPECT_EQ(tensors[0].offset, 1u);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(tensors[0].strides, (std::vector<std::int64_t>{3, 1}));
}

TEST(Unpickler, ReadsATensorOfPython2AndTheFirstTorch) {
  const std::string stored =
      "(U\x07storagectorch\nFloatStorage\nU\x01"
      "0U\x03"
      "cpuK\x06NtQ";
  const std::string value = "ctorch._utils\n_rebuild_tensor\n("s + stored + "K\x02K\x02K\x02\x86K\x02K\x01\x86tR"s;
  const std::vector<PickledTensor> tensors = unpickle("\x80\x02}U\x01w"s + value + "s.");
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].offset, 2u);
  EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{2, 2}));
}

TEST(Unpickler, RefusesCalls) {
  expect_refused("\x80\x02"s + "cos\nsystem\n" + text("true") + "\x85R.", "os.system");
  expect_refused("\x80\x02"s + "cbuiltins\neval\n" + text("1") + "\x85R.", "builtins.eval");
  expect_refused("\x80\x02"s + "c__main__\nModel\n)R.", "__main__.Model");
  // Protocol 4's way to name a function, and protocol 0's to make an object.
  expect_refused("\x80\x04"s + text("os") + text("system") + "\x93.", "opcode");
  expect_refused("(ios\nsystem\n.", "opcode");
}

TEST(Unpickler, RefusesWhatIsNotWhole) {
  const std::string whole = dictionary("w", tensor(storage("FloatStorage", "K\x06"), "K\x00"s, "K\x06\x85", "K\x01\x85"));
  ASSERT_EQ(unpickle(whole).size(), 1u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    EXPECT_THROW(unpickle(whole.substr(0, length)), Error);
  }
}

TEST(Unpickler, RefusesImpossibleSizes) {
  const auto with = [](const std::string& elements, const std::string& offset, const std::string& shape,
                       const std::string& strides) {
    return dictionary("w", tensor(storage("FloatStorage", elements), offset, shape, strides));
  };
  expect_refused(with("J\xff\xff\xff\xff", "K\x00"s, "K\x06\x85", "K\x01\x85"), "negative");
  expect_refused(with("K\x06", "J\xff\xff\xff\xff", "K\x06\x85", "K\x01\x85"), "negative");
  expect_refused(with("K\x06", "K\x00"s, "J\xff\xff\xff\xff\x85", "K\x01\x85"), "negative");
  expect_refused(with("K\x06", "K\x00"s, "K\x06K\x01\x86", "K\x01\x85"), "differ in length");
}

TEST(Unpickler, SelfReferencesAndDoublingCostNothing) {
  // A list that holds itself, and a tuple of tuples of tuples ... doubled 200 times.
  EXPECT_TRUE(unpickle("\x80\x02}"s + text("a") + "]q\x01h\x01" + "as.").empty());
  std::string bomb = "\x80\x02}"s + text("a") + ")q\x01";
  for (int i = 0; i < 200; ++i) bomb += "h\x01\x86q\x01"s;
  EXPECT_TRUE(unpickle(bomb + "s.").empty());
}

// The rest works on files that Python's torch has written.
class TorchFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* python = std::getenv("ADAINSTYLE_PYTHON");
    if (python != nullptr && std::system((std::string(python) + " -c 'import torch, numpy'").c_str()) == 0) {
      python_ = python;
      return;
    }
    if (test::in_continuous_integration()) FAIL() << "Python's torch is missing";
    GTEST_SKIP() << "Python's torch is not here; scripts/setup.sh --tests installs it";
  }

  // Runs Python code with `torch`, `np` and the folder `folder`.
  void python(const std::string& code) {
    const std::string path = folder_.path("write.py");
    std::ofstream(path) << "import os, pickle, zipfile, numpy as np, torch\nos.chdir('" << folder_.path()
                        << "')\ntorch.manual_seed(1)\n"
                        << code;
    ASSERT_EQ(std::system((python_ + " " + path).c_str()), 0);
  }

  std::string file(const std::string& name) const { return folder_.path(name); }

  test::TemporaryFolder folder_;
  std::string python_;
};

TEST_F(TorchFile, ReadsTypesStridesOffsetsAndSharedStorage) {
  python(R"(
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
everything = {'t': base.t(), 'part': base[1:3, 2:5], 'half': base.half(), 'bf16': base.bfloat16(), 'double': base.double(),
              'parameter': torch.nn.Parameter(base[0]), 'scalar': torch.tensor(3.5), 'epoch': 7}
torch.save(everything, 'zip.pth')
torch.save(everything, 'legacy.pth', _use_new_zipfile_serialization=False)
)");
  for (const char* name : {"zip.pth", "legacy.pth"}) {
    SCOPED_TRACE(name);
    const std::map<std::string, TensorData> tensors = read_torch_file(file(name));
    ASSERT_EQ(tensors.size(), 7u);
    const TensorData& t = tensors.at("t");
    EXPECT_EQ(t.shape, (std::vector<std::int64_t>{6, 4}));
    for (int i = 0; i < 24; ++i) EXPECT_EQ(t.values[i], static_cast<float>(i % 4 * 6 + i / 4));
    EXPECT_EQ(tensors.at("part").values, (std::vector<float>{8, 9, 10, 14, 15, 16}));
    for (const char* type : {"half", "bf16", "double"}) {
      for (int i = 0; i < 24; ++i) EXPECT_EQ(tensors.at(type).values[i], static_cast<float>(i)) << type;
    }
    EXPECT_EQ(tensors.at("parameter").values.size(), 6u);
    EXPECT_EQ(tensors.at("scalar").values, std::vector<float>{3.5f});
  }
}

TEST_F(TorchFile, PublicPairBecomesTheModelThatItWas) {
  python(R"(
from torch import nn
conv, relu, up, pad = nn.Conv2d, nn.ReLU, lambda: nn.Upsample(scale_factor=2), lambda: nn.ReflectionPad2d(1)
pool = lambda: nn.MaxPool2d(2, 2, 0, ceil_mode=True)
def layers(spec):
    result = []
    for s in spec:
        result += [pool()] if s == 'P' else [up()] if s == 'U' else [pad(), conv(s[0], s[1], 3), relu()]
    return result
encoder = nn.Sequential(conv(3, 3, 1), *layers([(3, 64), (64, 64), 'P', (64, 128), (128, 128), 'P', (128, 256), (256, 256), (256, 256),
                        (256, 256), 'P', (256, 512)]))
decoder = nn.Sequential(*layers([(512, 256), 'U', (256, 256), (256, 256), (256, 256), (256, 128), 'U', (128, 128), (128, 64), 'U',
                        (64, 64), (64, 3)])[:-1])
torch.save(encoder.state_dict(), 'vgg.pth', _use_new_zipfile_serialization=False)  # as it is published
torch.save(decoder.state_dict(), 'decoder.pth')
content, style = torch.rand(1, 3, 32, 40), torch.rand(1, 3, 24, 32)
with torch.no_grad():
    c, s = encoder(content), encoder(style)
    std = lambda x: (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    mean = lambda x: x.mean((2, 3), keepdim=True)
    out = decoder((c - mean(c)) / std(c) * std(s) + mean(s))
for name, x in (('content', content), ('style', style), ('out', out)):
    x.numpy().tofile(name + '.bin')
)");
  test::TrainerProcess import(
      {"import", "--encoder", file("vgg.pth"), "--decoder", file("decoder.pth"), "--output", file("m.safetensors")}, file("log"));
  ASSERT_EQ(import.wait(), 0) << import.messages();
  const Model model = read_model(file("m.safetensors"));
  const TensorMap weights = to_tensors(model.weights);
  const auto picture = [&](const std::string& name, std::int64_t height, std::int64_t width) {
    const std::vector<std::uint8_t> bytes = test::read_bytes(file(name + ".bin"));
    at::Tensor tensor = at::empty({1, 3, height, width}, at::TensorOptions(at::kFloat));
    EXPECT_EQ(tensor.nbytes(), bytes.size());
    std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
    return tensor;
  };
  const at::Tensor output = stylize_with(model.network, weights)(picture("content", 32, 40), picture("style", 24, 32));
  EXPECT_LT((output - picture("out", 32, 40)).abs().max().item<double>(), 1e-4);
}

TEST_F(TorchFile, TorchvisionsFeaturesKeepTheirMeaningAndGetUnitMeans) {
  python(R"(
from torch import nn
import collections
plan = [64, 64, 'P', 128, 128, 'P', 256, 256, 256, 256, 'P', 512]
layers, inputs = [], 3
for p in plan:
    if p == 'P': layers.append(nn.MaxPool2d(2, 2))
    else:
        layers += [nn.Conv2d(inputs, p, 3, padding=1), nn.ReLU()]
        inputs = p
torch.save(collections.OrderedDict(('features.' + k, v) for k, v in nn.Sequential(*layers).state_dict().items()), 'tv.pth')
)");
  test::make_training_files(folder_.path());
  test::TrainerProcess import(
      {"import", "--torchvision", file("tv.pth"), "--normalise-with", file("content"), "--output", file("v.safetensors")},
      file("log"));
  ASSERT_EQ(import.wait(), 0) << import.messages();
  const LossNetwork network = LossNetwork::load(file("v.safetensors"), at::kFloat);
  const LossNetwork before(encoder_from_torchvision(read_torch_file(file("tv.pth")), "tv.pth"), "tv.pth", at::kFloat);
  at::Tensor mean, mean_before;
  for (const std::string& path : find_pictures(file("content"))) {
    const at::Tensor picture = load_picture(path, 256);
    const at::Tensor after = network.features(picture).mean.back() / 6.0, original = before.features(picture).mean.back() / 6.0;
    mean = mean.defined() ? mean + after : after;
    mean_before = mean_before.defined() ? mean_before + original : original;
  }
  // Channels that are hardly ever active are left as they are.
  const at::Tensor active = mean_before > 2e-3;
  EXPECT_GT(active.sum().item<int>(), 128);
  EXPECT_LT(((mean - 1.0) * active).abs().max().item<double>(), 1e-2);

  // Only the units have changed: what is normalised per channel is the same as before.
  const at::Tensor picture = load_picture(find_pictures(file("content")).front(), 256);
  const at::Tensor scaled = network.features(picture).deepest, original = before.features(picture).deepest;
  const at::Tensor ratio = original.mean({2, 3}, true) / (scaled.mean({2, 3}, true) + 1e-12);
  EXPECT_LT((scaled * ratio - original).abs().max().item<double>(), 1e-3 * original.abs().max().item<double>());
}

TEST_F(TorchFile, HostileFilesAreRefused) {
  python(R"(
class Evil:
    def __reduce__(self): return (os.system, ('touch owned',))
torch.save({'w': Evil()}, 'evil.pth')
class Own: pass
import sys; sys.modules['mine'] = sys.modules['__main__']
Own.__module__ = 'mine'
torch.save({'w': Own()}, 'own.pth')
torch.save({'w': torch.zeros(100)}, 'good.pth')
def rewrite(name, change):
    with zipfile.ZipFile('good.pth') as old, zipfile.ZipFile(name, 'w', zipfile.ZIP_STORED) as new:
        for item in old.namelist(): change(new, item, old.read(item))
rewrite('short.pth', lambda z, n, d: z.writestr(n, d[:40] if n.endswith('data/0') else d))
rewrite('missing.pth', lambda z, n, d: None if n.endswith('data/0') else z.writestr(n, d))
rewrite('nopickle.pth', lambda z, n, d: None if n.endswith('data.pkl') else z.writestr(n, d))
rewrite('infinite.pth', lambda z, n, d: z.writestr(n, np.full(100, np.inf, np.float32).tobytes() if n.endswith('data/0') else d))
data = open('good.pth', 'rb').read()
open('cut.pth', 'wb').write(data[:len(data) // 2])
legacy = dict(_use_new_zipfile_serialization=False)
torch.save({'w': Evil()}, 'evil-legacy.pth', **legacy)
torch.save({'w': torch.zeros(100)}, 'good-legacy.pth', **legacy)
torch.save({'w': torch.zeros(100), 'i': torch.zeros(9, dtype=torch.int64)}, 'integers-legacy.pth', **legacy)
data = open('good-legacy.pth', 'rb').read()
open('cut-legacy.pth', 'wb').write(data[:-4])
open('uncounted-legacy.pth', 'wb').write(data[:-404])
open('huge-legacy.pth', 'wb').write(data[:-408] + b'\xff' * 7 + b'\x7f' + data[-400:])
open('short-legacy.pth', 'wb').write(data[:-408] + (10).to_bytes(8, 'little') + data[-40:])
open('text.pth', 'w').write('hello')
)");
  const std::pair<const char*, const char*> kCases[] = {{"evil.pth", "system"},
                                                        {"own.pth", "Own"},
                                                        {"short.pth", "smaller"},
                                                        {"missing.pth", "data/0"},
                                                        {"nopickle.pth", ""},
                                                        {"infinite.pth", "finite"},
                                                        {"cut.pth", "archive"},
                                                        {"text.pth", "torch.save"},
                                                        {"evil-legacy.pth", "system"},
                                                        {"integers-legacy.pth", "LongStorage"},
                                                        {"cut-legacy.pth", "within a storage"},
                                                        {"uncounted-legacy.pth", "before its last storage"},
                                                        {"huge-legacy.pth", "within a storage"},
                                                        {"short-legacy.pth", "smaller"}};
  for (const auto& [name, part] : kCases) {
    SCOPED_TRACE(name);
    test::expect_error(ErrorCode::kMalformedModel, {name, part}, [&] { read_torch_file(file(name)); });
  }
  EXPECT_FALSE(test::path_exists(file("owned")));
  EXPECT_EQ(read_torch_file(file("good.pth")).at("w").values.size(), 100u);
}

}  // namespace
}  // namespace adainstyle
