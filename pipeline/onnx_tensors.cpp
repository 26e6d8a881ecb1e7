#include "pipeline/onnx_tensors.hpp"

#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

namespace repartee::pipeline {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian floats");

constexpr int depth_max = 16;       // graphs within graphs
constexpr std::int64_t floats = 1;  // TensorProto.DataType

// Field numbers of onnx.proto.
namespace field {
constexpr std::uint32_t model_graph = 7, graph_node = 1, graph_initializer = 5, node_attribute = 5, attribute_tensor = 5,
                        attribute_graph = 6;
constexpr std::uint32_t tensor_dims = 1, tensor_type = 2, tensor_name = 8, tensor_raw = 9;
}  // namespace field

// The fields of one protocol buffer message, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  bool next() {
    if (rest_.empty() || broken_) return false;
    const auto tag = varint();
    if (!tag) return false;
    number_ = static_cast<std::uint32_t>(*tag >> 3);
    text_ = {};
    switch (*tag & 7) {
      case 0: return keep(varint());
      case 1: return skip(8);
      case 2: return take_text();
      case 5: return skip(4);
      default: return fail();
    }
  }
  bool broken() const { return broken_; }
  std::uint32_t number() const { return number_; }
  std::string_view text() const { return text_; }
  std::uint64_t value() const { return value_; }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    broken_ = true;
    return std::nullopt;
  }
  bool keep(std::optional<std::uint64_t> value) { return value_ = value.value_or(0), value.has_value(); }
  bool fail() { return broken_ = true, false; }
  bool skip(std::uint64_t bytes) {
    if (bytes > rest_.size()) return fail();
    rest_.remove_prefix(bytes);
    return true;
  }
  bool take_text() {
    const auto size = varint();
    if (!size || *size > rest_.size()) return fail();
    text_ = rest_.substr(0, *size);
    return skip(*size);
  }

  std::string_view rest_, text_;
  std::uint64_t value_ = 0;
  std::uint32_t number_ = 0;
  bool broken_ = false;
};

bool read_tensor(std::string_view bytes, std::vector<OnnxTensor>& found) {
  OnnxTensor tensor;
  std::string_view raw;
  std::uint64_t type = 0;
  Fields fields(bytes);
  while (fields.next()) {
    switch (fields.number()) {
      case field::tensor_dims:
        if (!fields.text().empty()) return false;  // packed: nobody writes it so
        tensor.dims.push_back(static_cast<std::int64_t>(fields.value()));
        break;
      case field::tensor_type: type = fields.value(); break;
      case field::tensor_name: tensor.name = fields.text(); break;
      case field::tensor_raw: raw = fields.text(); break;
      default: break;
    }
  }
  if (fields.broken()) return false;
  if (type != floats || raw.empty()) return true;
  std::uint64_t count = 1;
  for (const auto dim : tensor.dims) {
    if (dim <= 0 || count > raw.size()) return false;
    count *= static_cast<std::uint64_t>(dim);
  }
  if (count * sizeof(float) != raw.size()) return false;
  tensor.values.resize(count);
  std::memcpy(tensor.values.data(), raw.data(), raw.size());
  found.push_back(std::move(tensor));
  return true;
}

bool read_graph(std::string_view bytes, int depth, std::vector<OnnxTensor>& found);

bool read_attribute(std::string_view bytes, int depth, std::vector<OnnxTensor>& found) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == field::attribute_tensor && !read_tensor(fields.text(), found)) return false;
    if (fields.number() == field::attribute_graph && !read_graph(fields.text(), depth + 1, found)) return false;
  }
  return !fields.broken();
}

bool read_node(std::string_view bytes, int depth, std::vector<OnnxTensor>& found) {
  Fields fields(bytes);
  while (fields.next())
    if (fields.number() == field::node_attribute && !read_attribute(fields.text(), depth, found)) return false;
  return !fields.broken();
}

bool read_graph(std::string_view bytes, int depth, std::vector<OnnxTensor>& found) {
  if (depth > depth_max) return false;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == field::graph_node && !read_node(fields.text(), depth, found)) return false;
    if (fields.number() == field::graph_initializer && !read_tensor(fields.text(), found)) return false;
  }
  return !fields.broken();
}

}  // namespace

Result<std::vector<OnnxTensor>> onnx_float_tensors(std::span<const std::byte> file) {
  std::vector<OnnxTensor> found;
  Fields fields({reinterpret_cast<const char*>(file.data()), file.size()});
  bool has_graph = false;
  while (fields.next()) {
    if (fields.number() != field::model_graph) continue;
    has_graph = true;
    if (!read_graph(fields.text(), 0, found)) return Error{Errc::data_corrupt, "not an ONNX file"};
  }
  if (fields.broken() || !has_graph) return Error{Errc::data_corrupt, "not an ONNX file"};
  return found;
}

}  // namespace repartee::pipeline
