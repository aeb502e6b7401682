// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>

#include "half.h"
#include "json_text.h"
#include "support/expect_error.h"
#include "support/safetensors_bytes.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

using test::Bytes;
using test::container;
using test::container_claiming;
using test::expect_error;
using test::float_bytes;
using test::TemporaryFolder;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const Bytes kFourFloats = float_bytes({1, 2, 3, 4});

// The superuser may read and write everything: a test that must fail to takes on another user's rights meanwhile.
class WithoutPrivileges {
 public:
  WithoutPrivileges() : before_(::geteuid()) {
    constexpr uid_t kNobody = 65534;
    if (before_ == 0 && ::seteuid(kNobody) != 0) throw std::runtime_error("cannot give up the superuser's rights");
  }
  ~WithoutPrivileges() {
    if (::seteuid(before_) != 0) std::abort();
  }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  uid_t before_;
};

SafetensorsFile parse(const Bytes& bytes) { return parse_safetensors(bytes.data(), bytes.size(), "made.safetensors"); }

// Every error of a malformed file names the file; `parts` are what else its message must hold.
void expect_malformed(const Bytes& bytes, std::vector<std::string> parts) {
  parts.push_back("made.safetensors");
  expect_error(ErrorCode::kMalformedModel, parts, [&] { parse(bytes); });
}

// One tensor "w" described by `fields`, with sixteen bytes of data.
void expect_malformed_tensor(const std::string& fields, std::vector<std::string> parts) {
  parts.push_back("\"w\"");
  expect_malformed(container("{\"w\":{" + fields + "}}", kFourFloats), parts);
}

SafetensorsFile sample() {
  SafetensorsFile file;
  file.metadata = {{"a", "text"}, {"b", "\xC3\xA4 \"quoted\"\n"}};
  file.tensors["matrix"] = {{2, 3}, {0.0f, -0.0f, 1.5f, -2.25f, 65504.0f, 6.103515625e-05f}};
  file.tensors["scalar"] = {{}, {-7.0f}};
  file.tensors["nothing"] = {{0, 4}, {}};
  return file;
}

TEST(Safetensors, ReadsWhatAHandWroteByTheFormat) {
  const Bytes data = float_bytes({1, 2, 3, 4, 5, 6});
  const SafetensorsFile file =
      parse(container(R"({"__metadata__":{"k":"v"},"second":{"shape":[2],"dtype":"F32","data_offsets":[16,24]},)"
                      R"("first":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}   )",
                      data));
  EXPECT_THAT(file.metadata, testing::ElementsAre(testing::Pair("k", "v")));
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_THAT(file.tensors.at("first").shape, testing::ElementsAre(2, 2));
  EXPECT_THAT(file.tensors.at("first").values, testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(file.tensors.at("second").values, testing::ElementsAre(5, 6));
}

TEST(Safetensors, ReadsHalfPrecision) {
  // 1.0, -2.0 and the largest and smallest numbers of each format.
  const Bytes fp16 = {0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00};
  EXPECT_THAT(parse(container(R"({"w":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", fp16)).tensors.at("w").values,
              testing::ElementsAre(1.0f, -2.0f, 65504.0f, 0x1p-24f));
  const Bytes bf16 = {0x80, 0x3F, 0x00, 0xC0, 0x7F, 0x7F, 0x01, 0x00};
  EXPECT_THAT(parse(container(R"({"w":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}})", bf16)).tensors.at("w").values,
              testing::ElementsAre(1.0f, -2.0f, 0x1.FEp127f, 0x1p-133f));
}

TEST(Safetensors, KeepsEveryFp16AndBf16ValueExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (std::isfinite(fp16_to_float(half))) {
      ASSERT_EQ(float_to_fp16(fp16_to_float(half)), half);
    }
    if (std::isfinite(bf16_to_float(half))) {
      ASSERT_EQ(float_to_bf16(bf16_to_float(half)), half);
    }
  }
}

TEST(Safetensors, RoundsHalfPrecisionToTheNearestTiesToEven) {
  for (std::uint16_t bits = 0; bits < 0x7BFF; ++bits) {
    const float low = fp16_to_float(bits), high = fp16_to_float(bits + 1);
    const float middle = low + (high - low) / 2;
    ASSERT_EQ(float_to_fp16(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(float_to_fp16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(float_to_fp16(std::nextafter(middle, kInfinity)), bits + 1);
    ASSERT_EQ(float_to_fp16(-middle), float_to_fp16(middle) | 0x8000);
  }
  for (std::uint16_t bits = 0; bits < 0x7F7F; ++bits) {
    const std::uint32_t middle = (static_cast<std::uint32_t>(bits) << 16) + 0x8000;
    ASSERT_EQ(float_to_bf16(float_from_bits(middle)), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(float_to_bf16(float_from_bits(middle - 1)), bits);
    ASSERT_EQ(float_to_bf16(float_from_bits(middle + 1)), bits + 1);
  }
}

TEST(Safetensors, SurvivesTheRoundTripInEveryStorageType) {
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
    SafetensorsFile file = sample();
    if (type == DataType::kBF16) file.tensors["matrix"].values[4] = 65536.0f;
    const Bytes bytes = serialize_safetensors(file, type);
    EXPECT_EQ(bytes, serialize_safetensors(file, type));
    const SafetensorsFile again = parse(bytes);
    EXPECT_EQ(again.metadata, file.metadata);
    ASSERT_EQ(again.tensors.size(), file.tensors.size());
    for (const auto& [name, tensor] : file.tensors) {
      EXPECT_EQ(again.tensors.at(name).shape, tensor.shape) << name;
      EXPECT_EQ(again.tensors.at(name).values, tensor.values) << name;
    }
    EXPECT_TRUE(std::signbit(again.tensors.at("matrix").values[1]));
    std::uint64_t header_length = 0;
    std::memcpy(&header_length, bytes.data(), 8);
    EXPECT_EQ(header_length % 8, 0u) << "tensors are not aligned";
  }
}

TEST(Safetensors, RefusesEveryPrefixOfAFile) {
  const Bytes whole = serialize_safetensors(sample(), DataType::kF32);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    expect_malformed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), {"expected"});
  }
}

TEST(Safetensors, RefusesAnAbsurdHeader) {
  expect_malformed(container_claiming(std::numeric_limits<std::uint64_t>::max(), "{}", {}), {"header", "18446744073709551615"});
  expect_malformed(container_claiming(std::uint64_t{4} << 30, "{}", Bytes(90)), {"header of at most", "4294967296"});
  expect_malformed(container_claiming(1000, "{}", Bytes(90)), {"1000", "92", "cut off"});
  expect_malformed(container("", {}), {"JSON"});
  expect_malformed(container("[]", {}), {"JSON object"});
  expect_malformed(container("null", {}), {"JSON object"});
  expect_malformed(container("{\"w\":", {}), {"JSON", "byte"});
  expect_malformed(container("{} {}", {}), {"JSON"});
  expect_malformed(container("{\"\xFF\":1}", {}), {"JSON"});
  expect_malformed(container("{\"w\":1e999}", {}), {"number"});
  expect_malformed(container("{\"w\":NaN}", {}), {"JSON"});
}

TEST(Safetensors, RefusesClaimsOfFourGibibytesInAHundredBytes) {
  const std::string honest_claim = R"({"w":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}})";
  const Bytes bytes = container(honest_claim, Bytes(100 - 8 - honest_claim.size()));
  ASSERT_EQ(bytes.size(), 100u);
  expect_malformed(bytes, {"\"w\"", "data_offsets inside", "4294967296"});
  expect_malformed_tensor(R"("dtype":"F32","shape":[1073741824],"data_offsets":[0,16])", {"shape", "16 bytes"});
  expect_malformed_tensor(R"("dtype":"F32","shape":[4611686018427387908],"data_offsets":[0,16])", {"shape"});
}

TEST(Safetensors, RefusesAShapeWhoseElementCountWrapsAround) {
  constexpr std::uint64_t kDimensions[] = {151345, 212096, 259328, 2216};
  constexpr std::uint64_t kElements = 262144;  // their product is 2^64 + this
  static_assert(kDimensions[0] * kDimensions[1] * kDimensions[2] * kDimensions[3] == kElements);
  expect_malformed(
      container(R"({"w":{"dtype":"F16","shape":[151345,212096,259328,2216],"data_offsets":[0,524288]}})", Bytes(kElements * 2)),
      {"\"w\"", "shape", "524288 bytes"});
}

TEST(Safetensors, RefusesDeepNesting) {
  expect_malformed(container(std::string(1000000, '['), {}), {"nested"});
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  expect_malformed(container(objects, {}), {"nested"});
}

TEST(Safetensors, RefusesADuplicateTensor) {
  const std::string tensor = R"("twin":{"dtype":"F32","shape":[4],"data_offsets":[0,16]})";
  expect_malformed(container("{" + tensor + "," + tensor + "}", kFourFloats), {"\"twin\"", "twice"});
  expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,16],"dtype":"F16")", {"\"dtype\" twice"});
}

TEST(Safetensors, RefusesUnknownTypes) {
  for (const std::string type : {"\"F64\"", "\"I32\"", "\"f32\"", "\"\"", "32", "null"}) {
    SCOPED_TRACE(type);
    expect_malformed_tensor("\"dtype\":" + type + R"(,"shape":[4],"data_offsets":[0,16])", {"dtype F32, F16 or BF16"});
  }
}

TEST(Safetensors, RefusesWrongShapes) {
  for (const std::string shape : {"[3]", "[5]", "[2,3]", "[]", "[4,0]", "[8]"}) {
    SCOPED_TRACE(shape);
    expect_malformed_tensor(R"("dtype":"F32","data_offsets":[0,16],"shape":)" + shape, {"shape", "16 bytes"});
  }
  for (const std::string shape : {"[-4]", "[4.0]", "[\"4\"]", "[18446744073709551615]", "[1e1]", "[[4]]", "[null]"}) {
    SCOPED_TRACE(shape);
    expect_malformed_tensor(R"("dtype":"F32","data_offsets":[0,16],"shape":)" + shape, {"shape", "whole numbers"});
  }
  for (const std::string shape : {"4", "{}", "[1,1,1,1,1,1,1,1,4]"}) {
    SCOPED_TRACE(shape);
    expect_malformed_tensor(R"("dtype":"F32","data_offsets":[0,16],"shape":)" + shape, {"shape", "array"});
  }
}

TEST(Safetensors, RefusesWrongOffsets) {
  for (const std::string offsets : {"[0,20]", "[16,0]", "[4,20]", "[0,9223372036854775807]"}) {
    SCOPED_TRACE(offsets);
    expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":)" + offsets, {"data_offsets inside"});
  }
  for (const std::string offsets : {"[0.0,16.0]", "[-1,15]", "[0,18446744073709551615]", "[0,99999999999999999999]", "[null,16]"}) {
    SCOPED_TRACE(offsets);
    expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":)" + offsets, {"data_offsets", "whole numbers"});
  }
  for (const std::string offsets : {"[]", "[0]", "[0,8,16]", "16", "{}"}) {
    SCOPED_TRACE(offsets);
    expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":)" + offsets, {"data_offsets", "array of 2"});
  }
  expect_malformed_tensor(R"("dtype":"F16","shape":[4],"data_offsets":[0,16])", {"shape"});
  expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,15])", {"shape"});
}

TEST(Safetensors, RefusesTensorsThatDoNotLieOneAfterTheOther) {
  const auto two = [](const std::string& first, const std::string& second) {
    return container(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + first +
                         R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" + second + "}}",
                     kFourFloats);
  };
  EXPECT_EQ(parse(two("[0,8]", "[8,16]")).tensors.size(), 2u);
  EXPECT_EQ(parse(two("[8,16]", "[0,8]")).tensors.size(), 2u);
  expect_malformed(two("[0,8]", "[4,12]"), {"\"b\"", "overlap"});
  expect_malformed(two("[0,8]", "[0,8]"), {"overlap"});
  expect_malformed(container(R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", kFourFloats), {"\"b\"", "gap"});
  expect_malformed(container(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", kFourFloats), {"8 bytes", "16"});
  expect_malformed(container("{}", kFourFloats), {"0 bytes", "16"});
}

TEST(Safetensors, RefusesTensorsThatAreNotDescribedAsTheyMust) {
  expect_malformed_tensor(R"("dtype":"F32","shape":[4])", {"data_offsets"});
  expect_malformed_tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,16],"stride":[1])", {"object of"});
  expect_malformed(container(R"({"w":[]})", {}), {"\"w\"", "object of"});
  expect_malformed(container(R"({"__metadata__":[]})", {}), {"__metadata__", "object of strings"});
  expect_malformed(container(R"({"__metadata__":{"k":1}})", {}), {"\"k\"", "string"});
}

TEST(Safetensors, RefusesValuesThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    expect_malformed(container(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", float_bytes({1, 2, bad, 4})),
                     {"\"w\"", "finite", "element 2"});
  }
  expect_malformed(container(R"({"w":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})", {0x00, 0x7C}), {"\"w\"", "finite"});
  expect_malformed(container(R"({"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}})", {0xC0, 0x7F}), {"\"w\"", "finite"});
}

TEST(Safetensors, ErrorsHoldNoControlCharactersAndNoEndlessNames) {
  const std::string name = "\\u001b[31m" + std::string(5000, 'x');
  try {
    parse(container("{\"" + name + "\":1}", {}));
    FAIL() << "accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_LT(message.size(), 300u);
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    EXPECT_NE(message.find("\\x1B"), std::string::npos) << message;
  }
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "\xC3\xA4"), "\"" + std::string(79, 'x') + "...\"");
}

TEST(Safetensors, WritesNothingItWouldNotRead) {
  SafetensorsFile file;
  file.tensors["w"] = {{1}, {70000.0f}};
  EXPECT_NO_THROW(serialize_safetensors(file, DataType::kF32));
  expect_error(ErrorCode::kMalformedModel, {"\"w\"", "F16", "70000"}, [&] { serialize_safetensors(file, DataType::kF16); });
  file.tensors["w"] = {{1}, {std::numeric_limits<float>::max()}};
  expect_error(ErrorCode::kMalformedModel, {"\"w\"", "BF16"}, [&] { serialize_safetensors(file, DataType::kBF16); });
  file.tensors["w"] = {{1}, {std::nanf("")}};
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
    expect_error(ErrorCode::kMalformedModel, {"\"w\"", "nan"}, [&] { serialize_safetensors(file, type); });
  }
  file.tensors["w"] = {{2}, {1.0f}};
  expect_error(ErrorCode::kMalformedModel, {"\"w\"", "shape"}, [&] { serialize_safetensors(file, DataType::kF32); });
  file.tensors["w"] = {{-1}, {}};
  expect_error(ErrorCode::kMalformedModel, {"\"w\"", "shape"}, [&] { serialize_safetensors(file, DataType::kF32); });
  file.tensors = {{"__metadata__", {{1}, {1.0f}}}};
  expect_error(ErrorCode::kMalformedModel, {"__metadata__"}, [&] { serialize_safetensors(file, DataType::kF32); });
  file.tensors = {{"\xFF", {{1}, {1.0f}}}};
  expect_error(ErrorCode::kMalformedModel, {"UTF-8"}, [&] { serialize_safetensors(file, DataType::kF32); });
  file.tensors.clear();
  file.metadata["k"] = "\xC0\x80";
  expect_error(ErrorCode::kMalformedModel, {"UTF-8"}, [&] { serialize_safetensors(file, DataType::kF32); });
  file.metadata["k"] = std::string(5 << 20, 'x');
  expect_error(ErrorCode::kMalformedModel, {"4194304 bytes"}, [&] { serialize_safetensors(file, DataType::kF32); });
}

TEST(Safetensors, ReadsTheCheckpointAsTheFormatDescribesIt) {
  ADAINSTYLE_NEEDS_SHARED("weights/vgg19_normalised_relu4_1.safetensors");
  const SafetensorsFile file = read_safetensors(test::shared_path("weights/vgg19_normalised_relu4_1.safetensors"));
  std::size_t values = 0;
  for (const auto& [name, tensor] : file.tensors) values += tensor.values.size();
  EXPECT_EQ(values, 3505740u);
  EXPECT_THAT(file.tensors.at("conv4_1.weight").shape, testing::ElementsAre(512, 256, 3, 3));
}

TEST(FileIo, TellsWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kNotFound, {folder.path("absent")}, [&] { read_safetensors(folder.path("absent")); });
  expect_error(ErrorCode::kNotFound, {}, [&] { read_safetensors(""); });
  expect_error(ErrorCode::kUnreadable, {folder.path(), "folder"}, [&] { read_safetensors(folder.path()); });
  expect_error(ErrorCode::kUnreadable, {"/dev/zero"}, [&] { read_safetensors("/dev/zero"); });
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  expect_error(ErrorCode::kUnreadable, {"pipe"}, [&] { read_safetensors(folder.path("pipe")); });
  test::write_bytes(folder.path("file"), {1, 2, 3});
  expect_error(ErrorCode::kNotFound, {"file/below"}, [&] { read_safetensors(folder.path("file/below")); });
  expect_error(ErrorCode::kUnreadable, {"at most 2 bytes", "found 3"}, [&] { read_file(folder.path("file"), 2); });
  EXPECT_THAT(read_file(folder.path("file"), 3), testing::ElementsAre(1, 2, 3));
}

TEST(FileIo, RefusesAFileThatMayNotBeRead) {
  const TemporaryFolder folder;
  test::write_bytes(folder.path("secret"), {1});
  ASSERT_EQ(::chmod(folder.path("secret").c_str(), 0), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const WithoutPrivileges guard;
  expect_error(ErrorCode::kUnreadable, {"secret"}, [&] { read_safetensors(folder.path("secret")); });
}

TEST(FileIo, RefusesAFileTooLargeForAModelBeforeReadingIt) {
  const TemporaryFolder folder;
  test::write_bytes(folder.path("sparse"), {});
  std::filesystem::resize_file(folder.path("sparse"), kMaxSafetensorsBytes + 1);
  expect_error(ErrorCode::kUnreadable, {"sparse", "at most"}, [&] { read_safetensors(folder.path("sparse")); });
}

TEST(FileIo, ReplacesAFileAndLeavesNothingElse) {
  const TemporaryFolder folder;
  write_file_atomically(folder.path("model"), {1, 2, 3});
  write_file_atomically(folder.path("model"), {4, 5});
  EXPECT_THAT(test::read_bytes(folder.path("model")), testing::ElementsAre(4, 5));
  EXPECT_THAT(folder.entries(), testing::ElementsAre("model"));
  struct stat status = {};
  ASSERT_EQ(::stat(folder.path("model").c_str(), &status), 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(status.st_mode & 0777, 0666u & ~mask);
}

TEST(FileIo, KeepsTheOldFileWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  const Bytes old = {1, 2, 3};
  write_file_atomically(folder.path("model"), old);
  // A limit on the size of files makes write() fail half-way as a full disk does.
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit full = before;
  full.rlim_cur = 4096;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  expect_error(ErrorCode::kUnwritable, {folder.path("model"), "cannot be written"},
               [&] { write_file_atomically(folder.path("model"), Bytes(100000, 7)); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(test::read_bytes(folder.path("model")), old);
  EXPECT_THAT(folder.entries(), testing::ElementsAre("model"));
}

TEST(FileIo, RefusesPlacesThatCannotBeWritten) {
  const TemporaryFolder folder;
  const auto expect_unwritable = [](const std::string& path) {
    SCOPED_TRACE(path);
    expect_error(ErrorCode::kUnwritable, {path}, [&] { write_file_atomically(path, {1}); });
  };
  expect_unwritable(folder.path("absent/model"));
  expect_unwritable(folder.path());
  expect_unwritable("/dev/full");
  expect_unwritable("/proc/model");
  expect_unwritable("");
  EXPECT_TRUE(folder.entries().empty());
  ASSERT_TRUE(test::path_exists("/dev/full"));
}

TEST(FileIo, RefusesAFolderThatMayNotBeWritten) {
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  const WithoutPrivileges guard;
  expect_error(ErrorCode::kUnwritable, {folder.path("model")}, [&] { write_file_atomically(folder.path("model"), {1}); });
  EXPECT_TRUE(folder.entries().empty());
}

}  // namespace
}  // namespace adainstyle
