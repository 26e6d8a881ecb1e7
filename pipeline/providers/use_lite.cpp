#include "pipeline/providers/use_lite.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/text_rules.hpp"
#include "pipeline/unigram_tokenizer.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t width = 512, embedding_width = 256, hidden_width = 1536, heads = 4, layers_count = 2;
constexpr std::size_t window_tokens = 128, vocabulary_size = 8000, reserved_pieces = 6;
constexpr std::size_t weights_bytes_max = 64 * 1024 * 1024;
constexpr float layer_norm_epsilon = 1e-6F;

using Floats = std::vector<float>;

Error corrupt(const std::string& why) { return {Errc::data_corrupt, "use-lite: " + why + "; run `repartee models fetch use-lite`"}; }

struct Layer {
  std::size_t in = 0;  // width of what comes in; what goes out is always `width`
  const float *attention_scale, *attention_bias, *qkv, *qkv_bias, *output, *output_bias;
  const float *shortcut = nullptr, *shortcut_bias = nullptr;  // where the widths differ
  const float *ffn_scale, *ffn_bias, *conv1, *conv1_bias, *conv2, *conv2_bias;
};

void layer_norm(const Floats& x, const float* scale, const float* bias, Floats& y, std::size_t rows, std::size_t cols) {
  for (std::size_t row = 0; row < rows; ++row) {
    const float* from = x.data() + row * cols;
    float mean = 0, variance = 0;
    for (std::size_t i = 0; i < cols; ++i) mean += from[i];
    mean /= static_cast<float>(cols);
    for (std::size_t i = 0; i < cols; ++i) variance += (from[i] - mean) * (from[i] - mean);
    const float factor = 1 / std::sqrt(variance / static_cast<float>(cols) + layer_norm_epsilon);
    for (std::size_t i = 0; i < cols; ++i) y[row * cols + i] = (from[i] - mean) * factor * scale[i] + bias[i];
  }
}

// Scaled dot product attention; a row of qkv holds queries, keys and values one after the other, each head a piece of them.
void attend(const Floats& qkv, Floats& out, std::size_t rows, std::size_t cols) {
  const std::size_t head_width = cols / heads;
  const float scale = 1 / std::sqrt(static_cast<float>(head_width));
  std::vector<float> weights(rows);
  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t t = 0; t < rows; ++t) {
      const float* query = qkv.data() + t * 3 * cols + head * head_width;
      float largest = -INFINITY, total = 0;
      for (std::size_t u = 0; u < rows; ++u) {
        weights[u] = inner_product(query, qkv.data() + u * 3 * cols + cols + head * head_width, head_width) * scale;
        largest = std::max(largest, weights[u]);
      }
      for (float& weight : weights) total += weight = std::exp(weight - largest);
      float* to = out.data() + t * cols + head * head_width;
      for (std::size_t u = 0; u < rows; ++u) {
        const float weight = weights[u] / total;
        const float* value = qkv.data() + u * 3 * cols + 2 * cols + head * head_width;
        for (std::size_t i = 0; i < head_width; ++i) to[i] += weight * value[i];
      }
    }
  }
}

struct Weights {
  Floats values;
  std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> places;  // name -> offset, count

  // The one tensor whose name ends so. Null: none of that size.
  const float* find(std::string_view suffix, std::size_t count) const {
    for (const auto& [name, place] : places)
      if (name.ends_with(suffix))
        return place.second == count && place.first + count <= values.size() ? values.data() + place.first : nullptr;
    return nullptr;
  }
};

Result<std::string> whole_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::not_found, "use-lite is not in place (" + path.string() + "): run `repartee models fetch use-lite`"};
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() > weights_bytes_max) return corrupt(path.filename().string() + " is too large");
  return bytes;
}

Result<Weights> read_weights(const std::filesystem::path& dir) {
  const auto text = whole_file(dir / "model.json");
  if (!text) return text.error();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  try {
    const auto& manifest = json.at("weightsManifest").at(0);
    std::string bytes;
    for (const auto& path : manifest.at("paths")) {
      const auto shard = whole_file(dir / std::filesystem::path(path.get<std::string>()).filename());
      if (!shard) return shard.error();
      bytes += *shard;
      if (bytes.size() > weights_bytes_max) return corrupt("the weights are too large");
    }
    Weights weights;
    std::size_t offset = 0;
    for (const auto& tensor : manifest.at("weights")) {
      std::size_t count = 1;
      for (const auto& side : tensor.at("shape")) count *= side.get<std::size_t>();
      weights.places[tensor.at("name").get<std::string>()] = {offset, count};
      offset += count;  // all are four bytes wide, integers too
    }
    if (offset * sizeof(float) != bytes.size()) return corrupt("the weights are not as long as model.json says");
    weights.values.resize(offset);
    std::memcpy(weights.values.data(), bytes.data(), bytes.size());
    return weights;
  } catch (const nlohmann::json::exception&) { return corrupt("model.json is not as it should be"); }
}

Result<UnigramTokenizer> read_vocabulary(const std::filesystem::path& dir) {
  const auto text = whole_file(dir / "vocab.json");
  if (!text) return text.error();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  std::vector<UnigramTokenizer::Piece> pieces;
  try {
    for (const auto& entry : json) {  // a few pieces with colons have null for a number, which the reference adds as 0
      const auto& score = entry.at(1);
      pieces.push_back({entry.at(0).get<std::string>(), score.is_null() ? 0.0F : score.get<float>()});
    }
  } catch (const nlohmann::json::exception&) { return corrupt("vocab.json is not as it should be"); }
  if (pieces.size() != vocabulary_size) return corrupt("vocab.json has another size");
  return UnigramTokenizer(pieces, reserved_pieces);
}

}  // namespace

class UseLiteEmbedder::Model {
 public:
  Model(Weights weights, UnigramTokenizer tokenizer) : weights_(std::move(weights)), tokenizer_(std::move(tokenizer)) {}

  Status connect() {
    embeddings_ = find("module/Embeddings_en", (vocabulary_size + 2) * embedding_width);
    timing_ = find("AddTimingSignal/TimingSignal/ExpandDims_1", embedding_width / 2);
    tanh_ = find("hidden_layers/tanh_layer_0/weights", width * width);
    tanh_bias_ = find("hidden_layers/tanh_layer_0/bias", width);
    for (std::size_t i = 0; i < layers_count; ++i) connect_layer(i);
    if (!missing_.empty()) return corrupt("no weights " + missing_);
    return {};
  }

  const UnigramTokenizer& tokenizer() const { return tokenizer_; }

  Floats encode(std::string_view text, std::size_t windows_max) const {
    Floats sum(width, 0.0F);
    if (!has_letter_or_digit(text)) return sum;
    const std::vector<int> ids = tokenizer_.tokens(text);
    const std::size_t windows = std::min((ids.size() + window_tokens - 1) / window_tokens, windows_max);
    for (std::size_t w = 0; w < windows; ++w) {
      // Windows of equal length: a last one of two words would weigh as much as the rest.
      const std::size_t end = std::min(ids.size(), windows * window_tokens);
      const std::size_t from = end * w / windows, to = end * (w + 1) / windows;
      const Floats part = encode_window(std::span(ids).subspan(from, to - from));
      for (std::size_t i = 0; i < width; ++i) sum[i] += part[i];
    }
    if (!normalise(sum)) std::fill(sum.begin(), sum.end(), 0.0F);
    return sum;
  }

 private:
  const float* find(const std::string& suffix, std::size_t count) {
    const float* at = weights_.find(suffix, count);
    if (!at) missing_ = suffix;
    return at;
  }

  void connect_layer(std::size_t index) {
    Layer& layer = layers_[index];
    const std::size_t in = layer.in = index == 0 ? embedding_width : width;
    const std::string base = "Encode/Layer_" + std::to_string(index) + "/TransformerLayer/";
    const std::string graph = "TransformerStack/Layer_" + std::to_string(index) + "/TransformerLayer/";
    const std::string whole = "/ConcatPartitions/concat";
    layer.attention_scale = find(base + "layer_prepostprocess/layer_norm/layer_norm_scale" + whole, in);
    layer.attention_bias = find(base + "layer_prepostprocess/layer_norm/layer_norm_bias" + whole, in);
    layer.qkv = find(base + "MultiheadAttention/qkv_transform_single/kernel/part_0", in * 3 * in);
    layer.qkv_bias = find(base + "MultiheadAttention/qkv_transform_single/bias" + whole, 3 * in);
    layer.output = find(base + "MultiheadAttention/output_transform_single/kernel/part_0", in * width);
    layer.output_bias = find(base + "MultiheadAttention/output_transform_single/bias" + whole, width);
    if (in != width) {
      layer.shortcut = find(base + "dense/kernel" + whole, in * width);
      layer.shortcut_bias = find(base + "dense/bias" + whole, width);
    }
    layer.ffn_scale = find(base + "FFN/layer_prepostprocess/layer_norm/layer_norm_scale" + whole, width);
    layer.ffn_bias = find(base + "FFN/layer_prepostprocess/layer_norm/layer_norm_bias" + whole, width);
    layer.conv1 = find(graph + "FFN/conv1/Tensordot/Reshape_1", width * hidden_width);
    layer.conv1_bias = find(base + "FFN/conv1/bias" + whole, hidden_width);
    layer.conv2 = find(graph + "FFN/conv2/Tensordot/Reshape_1", hidden_width * width);
    layer.conv2_bias = find(base + "FFN/conv2/bias" + whole, width);
  }

  // Token embeddings twice over (token and segment share a table), with a sinusoid of the position.
  Floats embedded(std::span<const int> ids) const {
    Floats x(ids.size() * embedding_width);
    for (std::size_t t = 0; t < ids.size(); ++t) {
      const float* row = embeddings_ + static_cast<std::size_t>(ids[t]) * embedding_width;
      for (std::size_t i = 0; i < embedding_width; ++i) {
        const float angle = static_cast<float>(t) * timing_[i % (embedding_width / 2)];
        x[t * embedding_width + i] = 2 * row[i] + (i < embedding_width / 2 ? std::sin(angle) : std::cos(angle));
      }
    }
    return x;
  }

  static Floats run_layer(const Layer& layer, Floats x, std::size_t rows) {
    const std::size_t in = layer.in;
    Floats normed(rows * in), qkv(rows * 3 * in), context(rows * in), y(rows * width);
    layer_norm(x, layer.attention_scale, layer.attention_bias, normed, rows, in);
    multiply(normed.data(), layer.qkv, layer.qkv_bias, qkv.data(), rows, in, 3 * in);
    attend(qkv, context, rows, in);
    multiply(context.data(), layer.output, layer.output_bias, y.data(), rows, in, width);
    if (layer.shortcut) {
      Floats widened(rows * width);
      multiply(x.data(), layer.shortcut, layer.shortcut_bias, widened.data(), rows, in, width);
      x = std::move(widened);
    }
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    normed.resize(rows * width);
    Floats hidden(rows * hidden_width);
    layer_norm(x, layer.ffn_scale, layer.ffn_bias, normed, rows, width);
    multiply(normed.data(), layer.conv1, layer.conv1_bias, hidden.data(), rows, width, hidden_width);
    for (float& value : hidden) value = std::max(value, 0.0F);
    multiply(hidden.data(), layer.conv2, layer.conv2_bias, y.data(), rows, hidden_width, width);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    return x;
  }

  Floats encode_window(std::span<const int> ids) const {
    const std::size_t rows = ids.size();
    Floats x = embedded(ids);
    for (const Layer& layer : layers_) x = run_layer(layer, std::move(x), rows);
    Floats mean(width, 0.0F), out(width);
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % width] += x[i];
    for (float& value : mean) value /= static_cast<float>(rows);
    multiply(mean.data(), tanh_, tanh_bias_, out.data(), 1, width, width);
    for (float& value : out) value = std::tanh(value);
    normalise(out);
    return out;
  }

  const Weights weights_;
  const UnigramTokenizer tokenizer_;
  std::array<Layer, layers_count> layers_{};
  const float *embeddings_ = nullptr, *timing_ = nullptr, *tanh_ = nullptr, *tanh_bias_ = nullptr;
  std::string missing_;
};

Result<std::unique_ptr<UseLiteEmbedder>> UseLiteEmbedder::load(WorkerPool& pool, Options options) {
  const auto dir = options.models_dir / "use-lite";
  auto weights = read_weights(dir);
  if (!weights) return weights.error();
  auto vocabulary = read_vocabulary(dir);
  if (!vocabulary) return vocabulary.error();
  auto model = std::make_shared<Model>(std::move(weights).value(), std::move(vocabulary).value());
  if (auto connected = model->connect(); !connected) return connected.error();
  return std::unique_ptr<UseLiteEmbedder>(new UseLiteEmbedder(pool, std::move(options), std::move(model)));
}

UseLiteEmbedder::UseLiteEmbedder(WorkerPool& pool, Options options, std::shared_ptr<const Model> model)
    : pool_(pool), options_(std::move(options)), model_(std::move(model)) {}

UseLiteEmbedder::~UseLiteEmbedder() = default;

std::vector<float> UseLiteEmbedder::encode(std::string_view text) const { return model_->encode(text, options_.windows_max); }

std::vector<int> UseLiteEmbedder::tokens(std::string_view text) const { return model_->tokenizer().tokens(text); }

StreamPtr UseLiteEmbedder::embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) {
  const bool too_many = request.texts.size() > options_.texts_max;
  return run_on_pool<Embeddings>(
      pool_, loop, request.priority, request.deadline,
      [model = model_, windows_max = options_.windows_max, texts = std::move(request.texts), too_many]() -> Result<Embeddings> {
        if (too_many) return Error{Errc::invalid_argument, "use-lite: too many texts in one call"};
        Embeddings out;
        for (const std::string& text : texts) out.vectors.push_back(model->encode(text, windows_max));
        return out;
      },
      std::move(done), {.caller = request.owner.empty() ? 0 : std::hash<std::string>{}(request.owner)});
}

}  // namespace repartee::pipeline
