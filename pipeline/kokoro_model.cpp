#include "pipeline/kokoro_model.hpp"

#include <fcntl.h>
#include <onnx/onnx_pb.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace repartee::pipeline {
namespace {

constexpr int surgery_version = 1;  // a change below makes old results stale
constexpr std::size_t hash_block_bytes = 1 << 20;

using Node = onnx::NodeProto;
using Tensor = onnx::TensorProto;

// Who makes a value, who reads it, and which values are weights. Pointers into the graph; valid until nodes are removed.
struct GraphIndex {
  explicit GraphIndex(onnx::GraphProto& graph) {
    for (Node& node : *graph.mutable_node()) {
      for (const std::string& name : node.output()) producer[name] = &node;
      for (const std::string& name : node.input()) readers[name].push_back(&node);
    }
    for (const Tensor& tensor : graph.initializer()) weights[tensor.name()] = &tensor;
  }
  Node* made_by(const std::string& name) const {
    auto found = producer.find(name);
    return found == producer.end() ? nullptr : found->second;
  }
  Node* only_reader(const std::string& name, const char* op) const {
    auto found = readers.find(name);
    if (found == readers.end() || found->second.size() != 1 || found->second[0]->op_type() != op) return nullptr;
    return found->second[0];
  }
  const Tensor* weight(const std::string& name) const {
    auto found = weights.find(name);
    return found == weights.end() ? nullptr : found->second;
  }

  std::unordered_map<std::string, Node*> producer;
  std::unordered_map<std::string, std::vector<Node*>> readers;
  std::unordered_map<std::string, const Tensor*> weights;
};

template <class T, class Repeated>
std::vector<float> numbers(const Tensor& tensor, const Repeated& typed) {
  std::vector<float> out;
  if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    out.resize(raw.size() / sizeof(T));
    for (std::size_t i = 0; i < out.size(); ++i) {
      T value;
      std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
      out[i] = static_cast<float>(value);
    }
  } else {
    out.assign(typed.begin(), typed.end());
  }
  return out;
}

std::vector<float> as_floats(const Tensor& tensor) {
  switch (tensor.data_type()) {
    case Tensor::FLOAT: return numbers<float>(tensor, tensor.float_data());
    case Tensor::INT8: return numbers<std::int8_t>(tensor, tensor.int32_data());
    case Tensor::UINT8: return numbers<std::uint8_t>(tensor, tensor.int32_data());
    default: return {};
  }
}

// What stands between a ConvInteger and the float value it stands for, as onnxruntime's dynamic quantisation writes it:
// DynamicQuantizeLinear -> ConvInteger -> [Add of the quantised bias] -> Cast -> Mul by (scale of the input * scale of the weights).
struct QuantisedConv {
  std::string input, bias;  // floats; bias may be empty
  const Tensor* weights = nullptr;
  const Tensor* zero_points = nullptr;  // may be null: zero
  const Tensor* scales = nullptr;
  std::string output;
  std::vector<const Node*> absorbed;
};

// The quantised bias is made in the graph from the float one: Div by the scale, Floor or Round, Cast, Reshape.
std::optional<std::string> float_bias(const GraphIndex& index, const Node& add, const std::string& conv_output) {
  const std::string& quantised = add.input(0) == conv_output ? add.input(1) : add.input(0);
  const Node* node = index.made_by(quantised);
  if (!node || node->input_size() == 0) return std::nullopt;
  node = index.made_by(node->input(0));
  while (node && (node->op_type() == "Cast" || node->op_type() == "Floor" || node->op_type() == "Round"))
    node = index.made_by(node->input(0));
  if (!node || node->op_type() != "Div") return std::nullopt;
  return node->input(0);
}

std::optional<QuantisedConv> match(const GraphIndex& index, const Node& conv) {
  QuantisedConv found;
  const Node* quantise = index.made_by(conv.input(0));
  found.weights = index.weight(conv.input(1));
  if (!quantise || quantise->op_type() != "DynamicQuantizeLinear" || !found.weights) return std::nullopt;
  found.input = quantise->input(0);
  if (conv.input_size() > 3 && !conv.input(3).empty() && !(found.zero_points = index.weight(conv.input(3)))) return std::nullopt;

  std::string value = conv.output(0);
  if (const Node* add = index.only_reader(value, "Add")) {
    auto bias = float_bias(index, *add, value);
    if (!bias) return std::nullopt;
    found.bias = *bias;
    found.absorbed.push_back(add);
    value = add->output(0);
  }
  const Node* cast = index.only_reader(value, "Cast");
  if (!cast) return std::nullopt;
  const Node* rescale = index.only_reader(cast->output(0), "Mul");
  if (!rescale) return std::nullopt;
  const Node* scale = index.made_by(rescale->input(0) == cast->output(0) ? rescale->input(1) : rescale->input(0));
  if (!scale || scale->op_type() != "Mul") return std::nullopt;
  for (const std::string& name : scale->input())
    if (const Tensor* tensor = index.weight(name)) found.scales = tensor;
  if (!found.scales) return std::nullopt;
  found.absorbed.push_back(cast);
  found.absorbed.push_back(rescale);
  found.output = rescale->output(0);
  return found;
}

// (weight - zero point) * scale; zero point and scale are one number or one for each output channel (the first dimension).
std::optional<Tensor> dequantise(const QuantisedConv& conv, const std::string& name) {
  std::vector<float> values = as_floats(*conv.weights);
  const std::vector<float> zeros = conv.zero_points ? as_floats(*conv.zero_points) : std::vector<float>{0.0F};
  const std::vector<float> scales = as_floats(*conv.scales);
  const auto channels = static_cast<std::size_t>(conv.weights->dims_size() > 0 ? conv.weights->dims(0) : 0);
  if (channels == 0 || values.empty() || values.size() % channels != 0) return std::nullopt;
  if ((zeros.size() != 1 && zeros.size() != channels) || (scales.size() != 1 && scales.size() != channels)) return std::nullopt;
  const std::size_t per_channel = values.size() / channels;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = i / per_channel;
    values[i] = (values[i] - zeros[zeros.size() == 1 ? 0 : channel]) * scales[scales.size() == 1 ? 0 : channel];
  }
  Tensor out;
  out.set_name(name);
  out.set_data_type(Tensor::FLOAT);
  *out.mutable_dims() = conv.weights->dims();
  out.set_raw_data(values.data(), values.size() * sizeof(float));
  return out;
}

template <class Repeated, class Keep>
void keep_if(Repeated& items, Keep keep) {
  int kept = 0;
  for (int i = 0; i < items.size(); ++i)
    if (keep(items.Get(i))) items.SwapElements(kept++, i);
  items.DeleteSubrange(kept, items.size() - kept);
}

// ConvInteger nodes that do not have the expected surroundings stay as they are: still right, only slower.
std::size_t convs_to_float(onnx::GraphProto& graph) {
  const GraphIndex index(graph);
  std::unordered_set<const Node*> absorbed;
  std::unordered_map<std::string, Tensor> added;
  std::size_t converted = 0;
  for (Node& node : *graph.mutable_node()) {
    if (node.op_type() != "ConvInteger" || node.input_size() < 2) continue;
    const auto conv = match(index, node);
    if (!conv) continue;
    const std::string weights_name = node.input(1) + "_f32";
    if (!added.contains(weights_name)) {
      auto weights = dequantise(*conv, weights_name);
      if (!weights) continue;
      added.emplace(weights_name, std::move(*weights));
    }
    node.set_op_type("Conv");
    node.clear_input();
    node.add_input(conv->input);
    node.add_input(weights_name);
    if (!conv->bias.empty()) node.add_input(conv->bias);
    node.set_output(0, conv->output);
    absorbed.insert(conv->absorbed.begin(), conv->absorbed.end());
    ++converted;
  }
  keep_if(*graph.mutable_node(), [&](const Node& node) { return !absorbed.contains(&node); });
  for (auto& [name, tensor] : added) graph.add_initializer()->Swap(&tensor);
  return converted;
}

void remove_unread(onnx::GraphProto& graph) {
  std::unordered_set<std::string> read;
  for (int before = -1; before != graph.node_size();) {
    before = graph.node_size();
    read.clear();
    for (const auto& output : graph.output()) read.insert(output.name());
    for (const Node& node : graph.node()) read.insert(node.input().begin(), node.input().end());
    keep_if(*graph.mutable_node(), [&](const Node& node) {
      for (const std::string& name : node.output())
        if (read.contains(name)) return true;
      return false;
    });
  }
  keep_if(*graph.mutable_initializer(), [&](const Tensor& tensor) { return read.contains(tensor.name()); });
}

void add_durations_output(onnx::GraphProto& graph) {
  auto* output = graph.add_output();
  output->set_name(kokoro_durations_output);
  auto* type = output->mutable_type()->mutable_tensor_type();
  type->set_elem_type(Tensor::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_value(1);
  type->mutable_shape()->add_dim()->set_dim_param("n_tokens");
}

Result<std::string> sha256_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::not_found, "cannot read " + path.string() + ": run `repartee models fetch`"};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> block(hash_block_bytes);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(file.gcount()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

Status write_atomically(const std::filesystem::path& path, const std::string& bytes) {
  const std::filesystem::path temporary = path.string() + ".tmp." + std::to_string(::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Error{Errc::resource_exhausted, "cannot write " + temporary.string() + ": " + std::strerror(errno)};
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = ::write(file, bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    written += static_cast<std::size_t>(n);
  }
  const bool whole = written == bytes.size() && ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  std::error_code failed;
  if (whole) std::filesystem::rename(temporary, path, failed);
  if (whole && !failed) return {};
  const std::string reason = whole ? failed.message() : std::strerror(why);
  std::filesystem::remove(temporary, failed);
  return Error{Errc::resource_exhausted, "cannot write " + path.string() + ": " + reason};
}

std::string stamp_text(const std::string& source_sha256, std::uintmax_t size_bytes) {
  std::ostringstream out;
  out << "repartee-kokoro " << surgery_version << "\nsource " << source_sha256 << "\nsize " << size_bytes << "\n";
  return out.str();
}

bool is_current(const std::filesystem::path& model_out, const std::filesystem::path& stamp, const std::string& source_sha256) {
  std::error_code failed;
  const auto size_bytes = std::filesystem::file_size(model_out, failed);
  if (failed) return false;
  std::ifstream file(stamp);
  std::ostringstream text;
  text << file.rdbuf();
  return file && text.str() == stamp_text(source_sha256, size_bytes);
}

}  // namespace

Status prepare_kokoro(const std::filesystem::path& model_in, const std::filesystem::path& model_out) {
  const auto source = sha256_of(model_in);
  if (!source) return source.error();
  const std::filesystem::path stamp = model_out.string() + ".stamp";
  if (is_current(model_out, stamp, *source)) return {};

  onnx::ModelProto model;
  std::ifstream file(model_in, std::ios::binary);
  if (!model.ParseFromIstream(&file)) return Error{Errc::data_corrupt, model_in.string() + " is not an ONNX model"};
  onnx::GraphProto& graph = *model.mutable_graph();
  if (!GraphIndex(graph).made_by(kokoro_durations_output))
    return Error{Errc::data_corrupt, model_in.string() + " is not the Kokoro model this program knows: it has no phoneme durations"};
  bool has_output = false;
  for (const auto& output : graph.output()) has_output |= output.name() == kokoro_durations_output;
  if (!has_output) add_durations_output(graph);
  convs_to_float(graph);
  remove_unread(graph);

  std::string bytes;
  if (!model.SerializeToString(&bytes)) return Error{Errc::internal, "the prepared Kokoro model cannot be written as protobuf"};
  std::error_code failed;
  if (model_out.has_parent_path()) std::filesystem::create_directories(model_out.parent_path(), failed);
  if (auto written = write_atomically(model_out, bytes); !written) return written;
  return write_atomically(stamp, stamp_text(*source, bytes.size()));
}

}  // namespace repartee::pipeline
