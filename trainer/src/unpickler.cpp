// SPDX-License-Identifier: MIT
#include "unpickler.h"

#include <cstring>
#include <map>
#include <set>

#include "adainstyle/error.h"
#include "json_text.h"

namespace adainstyle {
namespace {

constexpr std::size_t kMaxValues = 4'000'000;
constexpr std::size_t kMaxDimensions = 8;

enum class Kind { kNone, kBool, kInt, kFloat, kString, kTuple, kList, kDict, kGlobal, kStorage, kTensor };

struct Value {
  Kind kind = Kind::kNone;
  std::int64_t number = 0;
  std::string text;                // kString; kGlobal: "module name"
  std::vector<std::size_t> items;  // kTuple, kList; kDict: key, value, key, value...; kStorage, kTensor: the arguments
};

const std::set<std::string>& known_globals() {
  static const std::set<std::string> kKnown = {
      "collections OrderedDict",         "torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2",
      "torch._utils _rebuild_parameter", "torch FloatStorage",           "torch HalfStorage",
      "torch BFloat16Storage",           "torch DoubleStorage"};
  return kKnown;
}

class Unpickler {
 public:
  Unpickler(const std::uint8_t* bytes, std::size_t size, const std::string& source) : bytes_(bytes), size_(size), source_(source) {}

  // Runs to the end of the pickle, which may lie before the end of the bytes.
  void run() {
    while (step(byte())) {
    }
    if (stack_.size() != 1) fail("does not end with one value");
  }
  std::size_t end() const { return at_; }

  std::vector<PickledTensor> tensors() {
    std::vector<std::size_t> items = expect(stack_.back(), Kind::kDict, "a dictionary").items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const Value& key = values_[items[i]];
      if (key.kind == Kind::kString && key.text == "state_dict") {
        items = expect(items[i + 1], Kind::kDict, "a state dict").items;
        break;
      }
    }
    std::vector<PickledTensor> tensors;
    std::set<std::string> names;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (values_[items[i + 1]].kind != Kind::kTensor) continue;
      const std::string& name = expect(items[i], Kind::kString, "a name").text;
      if (!names.insert(name).second) fail("names the tensor " + in_quotes(name) + " twice");
      tensors.push_back(tensor(name, items[i + 1]));
    }
    return tensors;
  }

  std::vector<std::string> strings() {
    std::vector<std::string> result;
    for (const std::size_t item : expect(stack_.back(), Kind::kList, "a list").items) {
      result.push_back(expect(item, Kind::kString, "a string").text);
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kMalformedModel, source_ + ": the pickle " + what + " (at byte " + std::to_string(at_) +
                                                "); only a state dict of tensors, as torch.save writes it, is read.");
  }

  const std::uint8_t* take(std::size_t count) {
    if (count > size_ - at_) fail("ends too early");
    const std::uint8_t* from = bytes_ + at_;
    at_ += count;
    return from;
  }
  std::uint8_t byte() { return *take(1); }
  std::uint64_t number(std::size_t count) {
    const std::uint8_t* from = take(count);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= static_cast<std::uint64_t>(from[i]) << (8 * i);
    return value;
  }
  std::string text(std::size_t count) { return std::string(reinterpret_cast<const char*>(take(count)), count); }
  std::string line() {
    std::string result;
    for (std::uint8_t c = byte(); c != '\n'; c = byte()) {
      if (result.size() >= 256) fail("names something of more than 256 letters");
      result += static_cast<char>(c);
    }
    return result;
  }

  void push(Value value) {
    if (values_.size() >= kMaxValues) fail("holds too many values");
    values_.push_back(std::move(value));
    stack_.push_back(values_.size() - 1);
  }
  void push_number(Kind kind, std::int64_t number) {
    Value value;
    value.kind = kind;
    value.number = number;
    push(std::move(value));
  }
  void push_text(Kind kind, std::string text) {
    Value value;
    value.kind = kind;
    value.text = std::move(text);
    push(std::move(value));
  }
  void push_items(Kind kind, std::vector<std::size_t> items) {
    Value value;
    value.kind = kind;
    value.items = std::move(items);
    push(std::move(value));
  }

  std::size_t pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) fail("takes a value that is not there");
    const std::size_t value = stack_.back();
    stack_.pop_back();
    return value;
  }
  std::vector<std::size_t> pop_to_mark() {
    if (marks_.empty()) fail("has no mark where it needs one");
    std::vector<std::size_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  std::vector<std::size_t> pop_count(std::size_t count) {
    std::vector<std::size_t> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }
  std::size_t top() {
    const std::size_t value = pop();
    stack_.push_back(value);
    return value;
  }

  void remember(std::uint64_t slot) { memo_[slot] = top(); }
  void recall(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail("recalls a value that was not remembered");
    stack_.push_back(found->second);
    if (stack_.size() > kMaxValues) fail("holds too many values");
  }

  Value& expect(std::size_t index, Kind kind, const char* what) {
    if (values_[index].kind != kind) fail(std::string("needs ") + what + " and has something else");
    return values_[index];
  }
  void extend(Kind kind, const std::vector<std::size_t>& items) {
    Value& target = expect(top(), kind, kind == Kind::kDict ? "a dictionary" : "a list");
    if (kind == Kind::kDict && items.size() % 2 != 0) fail("has a key without a value");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void global() {
    const std::string module = line(), name = line();
    const std::string full = module + " " + name;
    if (known_globals().count(full) == 0) fail("names " + in_quotes(module + "." + name) + ", which a state dict does not need");
    push_text(Kind::kGlobal, full);
  }

  void persistent() {
    const std::size_t id = pop();
    const std::vector<std::size_t> items = expect(id, Kind::kTuple, "a storage's description").items;
    // The sixth, of files older than PyTorch 1.6, is for storages that show a part of another one.
    if (items.size() != 5 && !(items.size() == 6 && values_[items[5]].kind == Kind::kNone)) {
      fail("describes a storage in an unknown way");
    }
    if (expect(items[0], Kind::kString, "a string").text != "storage") fail("describes something that is not a storage");
    if (expect(items[1], Kind::kGlobal, "a storage type").text.find("Storage") == std::string::npos)
      fail("has an unknown storage type");
    expect(items[2], Kind::kString, "a storage key");
    if (expect(items[4], Kind::kInt, "a storage size").number < 0) fail("has a storage of negative size");
    push_items(Kind::kStorage, items);
  }

  void reduce() {
    const std::size_t arguments = pop(), function = pop();
    const std::string name = expect(function, Kind::kGlobal, "a known function").text;
    const std::vector<std::size_t> items = expect(arguments, Kind::kTuple, "a tuple of arguments").items;
    if (name == "collections OrderedDict" && items.empty()) {
      push_items(Kind::kDict, {});
    } else if ((name == "torch._utils _rebuild_tensor_v2" && items.size() >= 6) ||
               (name == "torch._utils _rebuild_tensor" && items.size() == 4)) {  // the latter before PyTorch 0.4
      expect(items[0], Kind::kStorage, "a storage");
      push_items(Kind::kTensor, items);
    } else if (name == "torch._utils _rebuild_parameter" && !items.empty()) {
      expect(items[0], Kind::kTensor, "a tensor");
      stack_.push_back(items[0]);
    } else {
      fail("calls " + in_quotes(name) + " in an unknown way");
    }
  }

  // Runs one opcode; false at the end.
  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        if (byte() > 5) fail("is of an unknown protocol");
        return true;
      case 0x95: take(8); return true;  // frame
      case '.': return false;
      case '(': marks_.push_back(stack_.size()); return true;
      case 'N': push({}); return true;
      case 0x88: push_number(Kind::kBool, 1); return true;
      case 0x89: push_number(Kind::kBool, 0); return true;
      case 'K': push_number(Kind::kInt, static_cast<std::int64_t>(number(1))); return true;
      case 'M': push_number(Kind::kInt, static_cast<std::int64_t>(number(2))); return true;
      case 'J': push_number(Kind::kInt, static_cast<std::int32_t>(number(4))); return true;
      case 0x8a: push_long(byte()); return true;
      case 'G':
        take(8);
        push_number(Kind::kFloat, 0);
        return true;
      case 'X': push_text(Kind::kString, text(number(4))); return true;
      case 0x8c: push_text(Kind::kString, text(number(1))); return true;
      case 'U': push_text(Kind::kString, text(number(1))); return true;  // Python 2's strings
      case 'T': push_text(Kind::kString, text(number(4))); return true;
      case '}': push_items(Kind::kDict, {}); return true;
      case ']': push_items(Kind::kList, {}); return true;
      case ')': push_items(Kind::kTuple, {}); return true;
      case 't': push_items(Kind::kTuple, pop_to_mark()); return true;
      case 0x85: push_items(Kind::kTuple, pop_count(1)); return true;
      case 0x86: push_items(Kind::kTuple, pop_count(2)); return true;
      case 0x87: push_items(Kind::kTuple, pop_count(3)); return true;
      case 's': extend(Kind::kDict, pop_count(2)); return true;
      case 'u': extend(Kind::kDict, pop_to_mark()); return true;
      case 'a': extend(Kind::kList, pop_count(1)); return true;
      case 'e': extend(Kind::kList, pop_to_mark()); return true;
      case 'q': remember(number(1)); return true;
      case 'r': remember(number(4)); return true;
      case 0x94: remember(memo_.size()); return true;
      case 'h': recall(number(1)); return true;
      case 'j': recall(number(4)); return true;
      case 'c': global(); return true;
      case 'Q': persistent(); return true;
      case 'R': reduce(); return true;
      case 'b':  // attributes of a dictionary (a state dict's _metadata): of no use here
        pop();
        expect(top(), Kind::kDict, "a dictionary");
        return true;
      default: fail("has an opcode that a state dict does not need");
    }
  }

  void push_long(std::size_t count) {
    if (count > 8) fail("has a number of more than 64 bits");
    std::uint64_t bits = number(count);
    if (count > 0 && count < 8 && (bits >> (8 * count - 1)) != 0) bits |= ~std::uint64_t{0} << (8 * count);
    push_number(Kind::kInt, static_cast<std::int64_t>(bits));
  }

  std::vector<std::int64_t> extents(std::size_t index) {
    const std::vector<std::size_t> items = expect(index, Kind::kTuple, "a tuple of sizes").items;
    if (items.size() > kMaxDimensions) fail("has a tensor of too many dimensions");
    std::vector<std::int64_t> result;
    for (const std::size_t item : items) {
      result.push_back(expect(item, Kind::kInt, "a size").number);
      if (result.back() < 0) fail("has a negative size or stride");
    }
    return result;
  }

  PickledTensor tensor(const std::string& name, std::size_t index) {
    const std::vector<std::size_t> items = values_[index].items;
    const std::vector<std::size_t> storage = values_[items[0]].items;
    PickledTensor result;
    result.name = name;
    result.storage_type = values_[storage[1]].text.substr(std::strlen("torch "));
    result.storage = values_[storage[2]].text;
    result.storage_size = static_cast<std::uint64_t>(values_[storage[4]].number);
    const std::int64_t offset = expect(items[1], Kind::kInt, "an offset").number;
    if (offset < 0) fail("has a negative offset");
    result.offset = static_cast<std::uint64_t>(offset);
    result.shape = extents(items[2]);
    result.strides = extents(items[3]);
    if (result.shape.size() != result.strides.size()) fail("has a tensor whose shape and strides differ in length");
    return result;
  }

  const std::uint8_t* bytes_;
  const std::size_t size_;
  const std::string& source_;
  std::size_t at_ = 0;
  std::vector<Value> values_;
  std::vector<std::size_t> stack_, marks_;
  std::map<std::uint64_t, std::size_t> memo_;
};

}  // namespace

std::vector<PickledTensor> unpickle_state_dict(const std::uint8_t* bytes, std::size_t size, const std::string& source,
                                               std::size_t* end) {
  Unpickler unpickler(bytes, size, source);
  unpickler.run();
  *end = unpickler.end();
  return unpickler.tensors();
}

std::vector<std::string> unpickle_strings(const std::uint8_t* bytes, std::size_t size, const std::string& source,
                                          std::size_t* end) {
  Unpickler unpickler(bytes, size, source);
  unpickler.run();
  *end = unpickler.end();
  return unpickler.strings();
}

}  // namespace adainstyle
