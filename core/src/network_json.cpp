// SPDX-License-Identifier: MIT
#include <set>

#include "adainstyle/error.h"
#include "json_text.h"
#include "network.h"

namespace adainstyle {
namespace {

using Json = nlohmann::json;

constexpr int kShuffleFactor = 2;  // of the pixel shuffles and of the upsampling; the format knows no other

struct OpName {
  OpType type;
  const char* name;
};

constexpr OpName kOpNames[] = {
    {OpType::kConv3x3, "conv3x3"},
    {OpType::kConv1x1, "conv1x1"},
    {OpType::kMaxPool, "max_pool"},
    {OpType::kUpsampleNearest, "upsample_nearest"},
    {OpType::kPixelUnshuffle, "pixel_unshuffle"},
    {OpType::kPixelShuffle, "pixel_shuffle"},
    {OpType::kResidual, "residual"},
    {OpType::kTap, "tap"},
    {OpType::kAdaIN, "adain"},
};

bool has_factor(OpType type) {
  return type == OpType::kPixelUnshuffle || type == OpType::kPixelShuffle || type == OpType::kUpsampleNearest;
}

[[noreturn]] void malformed(const std::string& where, const std::string& expectation) {
  throw Error(ErrorCode::kMalformedModel, "network " + where + ": " + expectation + ".");
}

// Reads the fields of one operation and notices what nobody asked for: a field this version does not know may change what
// the network computes, so it must not be ignored.
class FieldReader {
 public:
  FieldReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) malformed(where_, "expected an object");
  }

  const std::string& where() const { return where_; }

  bool has(const char* field) const { return object_.contains(field); }

  std::string text(const char* field) {
    const Json& value = take(field, "a string");
    if (!value.is_string()) malformed(where_, std::string("expected ") + field + " to be a string");
    return value.get<std::string>();
  }

  bool boolean(const char* field) {
    const Json& value = take(field, "true or false");
    if (!value.is_boolean()) malformed(where_, std::string("expected ") + field + " to be true or false");
    return value.get<bool>();
  }

  int integer(const char* field, int smallest, int largest) {
    const std::string range = smallest == largest
                                  ? std::to_string(largest)
                                  : "a whole number from " + std::to_string(smallest) + " to " + std::to_string(largest);
    const Json& value = take(field, range);
    // A number from 2^63 on is kept unsigned and would turn negative when read as signed.
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest));
    if (!fits || value.get<std::int64_t>() < smallest || value.get<std::int64_t>() > largest) {
      malformed(where_, std::string("expected ") + field + " to be " + range);
    }
    return static_cast<int>(value.get<std::int64_t>());
  }

  void expect_no_more() const {
    for (const auto& [field, value] : object_.items()) {
      if (taken_.count(field) == 0) malformed(where_, "field " + in_quotes(field) + " is not known");
    }
  }

 private:
  const Json& take(const char* field, const std::string& expected) {
    const auto found = object_.find(field);
    if (found == object_.end()) malformed(where_, std::string("field ") + field + " is missing, expected " + expected);
    taken_.insert(field);
    return *found;
  }

  const Json& object_;
  std::string where_;
  std::set<std::string> taken_;
};

OpType read_op_type(FieldReader* fields) {
  const std::string name = fields->text("op");
  std::string known;
  for (const OpName& op : kOpNames) {
    if (name == op.name) return op.type;
    known += (known.empty() ? "" : ", ") + std::string(op.name);
  }
  malformed(fields->where(), "expected op to be one of " + known + ", found " + in_quotes(name));
}

Operation read_operation(const Json& description, const std::string& where) {
  FieldReader fields(description, where);
  Operation operation;
  operation.type = read_op_type(&fields);
  switch (operation.type) {
    case OpType::kConv3x3:
    case OpType::kConv1x1:
      operation.name = fields.text("name");
      operation.inputs = fields.integer("inputs", 1, kMaxChannels);
      operation.outputs = fields.integer("outputs", 1, kMaxChannels);
      operation.relu = fields.boolean("relu");
      if (operation.type == OpType::kConv3x3 && fields.has("stride")) operation.stride = fields.integer("stride", 1, 2);
      break;
    case OpType::kResidual:
      operation.name = fields.text("name");
      operation.inputs = operation.outputs = fields.integer("channels", 1, kMaxChannels);
      break;
    case OpType::kUpsampleNearest:
    case OpType::kPixelUnshuffle:
    case OpType::kPixelShuffle: fields.integer("factor", kShuffleFactor, kShuffleFactor); break;
    case OpType::kTap: operation.tap = fields.integer("index", 0, kMaxTaps - 1); break;
    case OpType::kAdaIN: operation.tap = fields.integer("tap", 0, kMaxTaps - 1); break;
    case OpType::kMaxPool: break;
  }
  fields.expect_no_more();
  return operation;
}

std::string position(const char* list, std::size_t index) { return std::string(list) + "[" + std::to_string(index) + "]"; }

std::vector<Operation> read_list(const Json& description, const char* list) {
  const Json& entries = description[list];
  if (!entries.is_array() || entries.size() > static_cast<std::size_t>(kMaxOperations)) {
    malformed(list, "expected an array of at most " + std::to_string(kMaxOperations) + " operations");
  }
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < entries.size(); ++i) operations.push_back(read_operation(entries[i], position(list, i)));
  return operations;
}

Json write_operation(const Operation& operation) {
  Json result = {{"op", operation_name(operation.type)}};
  switch (operation.type) {
    case OpType::kConv3x3:
    case OpType::kConv1x1:
      result["name"] = operation.name;
      result["inputs"] = operation.inputs;
      result["outputs"] = operation.outputs;
      result["relu"] = operation.relu;
      if (operation.stride != 1) result["stride"] = operation.stride;
      break;
    case OpType::kResidual:
      result["name"] = operation.name;
      result["channels"] = operation.inputs;
      break;
    case OpType::kTap: result["index"] = operation.tap; break;
    case OpType::kAdaIN: result["tap"] = operation.tap; break;
    default:
      if (has_factor(operation.type)) result["factor"] = kShuffleFactor;
      break;
  }
  return result;
}

}  // namespace

const char* operation_name(OpType type) {
  for (const OpName& op : kOpNames) {
    if (op.type == type) return op.name;
  }
  return "unknown";
}

Network network_from_json(const Json& description) {
  if (!description.is_object() || description.size() != 2 || !description.contains("encoder") || !description.contains("decoder")) {
    malformed("description", "expected an object of encoder and decoder");
  }
  Network network;
  network.encoder = read_list(description, "encoder");
  network.decoder = read_list(description, "decoder");
  validate(network);
  return network;
}

Json network_to_json(const Network& network) {
  Json result = {{"encoder", Json::array()}, {"decoder", Json::array()}};
  for (const Operation& operation : network.encoder) result["encoder"].push_back(write_operation(operation));
  for (const Operation& operation : network.decoder) result["decoder"].push_back(write_operation(operation));
  return result;
}

}  // namespace adainstyle
