#include "pipeline/vad_weights.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string_view>
#include <utility>

#include "pipeline/onnx_runtime.hpp"
#include "pipeline/onnx_tensors.hpp"

namespace repartee::pipeline {

using namespace vad_kernel;

namespace {

constexpr float symmetry_tolerance = 1e-4F;  // of a windowed cosine, whose largest is 1
constexpr std::size_t file_bytes_max = 64 << 20;

using Dims = std::vector<std::int64_t>;

Error not_the_net(const std::string& why) {
  return {Errc::data_corrupt, "not the voice activity detector that config/models.toml names: " + why};
}

}  // namespace

class VadWeightsBuilder {
 public:
  explicit VadWeightsBuilder(std::vector<OnnxTensor> tensors) : tensors_(std::move(tensors)) {}

  Result<std::shared_ptr<const VadWeights>> build() {
    Net& net = weights_->net_;
    add_spectrum(net);
    const std::size_t channels[] = {bins, 128, 64, 64, 128};
    for (std::size_t i = 0; i < 4; ++i)
      net.encoder[i] = convolution("encoder." + std::to_string(i) + ".reparam_conv", channels[i + 1], channels[i]);
    net.lstm = lstm();
    net.decoder = keep(tensor("decoder.decoder.2.weight", {1, cells, 1}));
    if (const auto bias = tensor("decoder.decoder.2.bias", {1}); !bias.empty()) net.decoder_bias = bias[0];
    if (!problem_.empty()) return not_the_net(problem_);
    return std::shared_ptr<const VadWeights>(std::move(weights_));
  }

 private:
  // The file has two nets, for 8 and for 16 kHz, whose tensors bear the same names: ours begins with the larger spectrum.
  std::vector<float> tensor(const std::string& name, const Dims& dims) {
    const auto found = std::find_if(from_, tensors_.end(), [&](const OnnxTensor& t) { return t.name == name && t.dims == dims; });
    if (found != tensors_.end()) return found->values;
    if (problem_.empty()) problem_ = name + " is missing";
    return std::vector<float>(1);
  }

  const float* keep(std::vector<float> values) {
    weights_->memory_.push_back(std::move(values));
    return weights_->memory_.back().data();
  }

  // `weight(output, tap, channel)`; outputs beyond `outputs` are zero.
  template <class Weight>
  Layer layer(std::size_t outputs, std::size_t taps, std::size_t channels, Weight weight, std::vector<float> bias) {
    const std::size_t padded = (outputs + outputs_at_once - 1) / outputs_at_once * outputs_at_once;
    bias.resize(padded, 0.0F);
    std::vector<float> packed(padded * taps * channels, 0.0F);
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t tap = 0; tap < taps; ++tap)
        for (std::size_t c = 0; c < channels; ++c)
          packed[((o / outputs_at_once * taps + tap) * channels + c) * outputs_at_once + o % outputs_at_once] = weight(o, tap, c);
    return {keep(std::move(packed)), keep(std::move(bias)), padded, taps, channels};
  }

  void add_spectrum(Net& net) {
    const Dims dims{2 * bins, 1, frame_samples};
    const auto basis = tensor("stft.forward_basis_buffer", dims);
    from_ = std::ranges::find_if(tensors_, [&](const OnnxTensor& t) { return t.dims == dims; });
    if (!problem_.empty()) return;
    const auto at = [&](std::size_t row, std::size_t n) { return basis[row * frame_samples + n]; };
    for (std::size_t bin = 0; bin < bins; ++bin) {
      bool is_symmetric = std::abs(at(bins + bin, 0)) < symmetry_tolerance && std::abs(at(bins + bin, half)) < symmetry_tolerance;
      for (std::size_t n = 1; n < half; ++n) {
        is_symmetric = is_symmetric && std::abs(at(bin, n) - at(bin, frame_samples - n)) < symmetry_tolerance &&
                       std::abs(at(bins + bin, n) + at(bins + bin, frame_samples - n)) < symmetry_tolerance;
      }
      if (!is_symmetric) problem_ = "its spectrum is not made of cosines and sines";
    }
    net.cosines = layer(bins, 1, bins, [&](std::size_t bin, std::size_t, std::size_t n) { return at(bin, n); }, {});
    net.sines = layer(bins, 1, bins, [&](std::size_t bin, std::size_t, std::size_t n) { return at(bins + bin, n); }, {});
  }

  Layer convolution(const std::string& name, std::size_t outputs, std::size_t channels) {
    constexpr std::size_t taps = 3;
    const auto weights = tensor(name + ".weight", {static_cast<std::int64_t>(outputs), static_cast<std::int64_t>(channels), taps});
    auto bias = tensor(name + ".bias", {static_cast<std::int64_t>(outputs)});
    if (!problem_.empty()) return {};
    return layer(
        outputs, taps, channels, [&](std::size_t o, std::size_t tap, std::size_t c) { return weights[(o * channels + c) * taps + tap]; },
        std::move(bias));
  }

  Layer lstm() {
    const auto input = tensor("decoder.rnn.weight_ih", {gates, cells}), hidden = tensor("decoder.rnn.weight_hh", {gates, cells});
    auto bias = tensor("decoder.rnn.bias_ih", {gates});
    const auto more = tensor("decoder.rnn.bias_hh", {gates});
    if (!problem_.empty()) return {};
    std::ranges::transform(bias, more, bias.begin(), std::plus<>());
    return layer(
        gates, 2, cells, [&](std::size_t o, std::size_t tap, std::size_t c) { return (tap == 0 ? input : hidden)[o * cells + c]; },
        std::move(bias));
  }

  const std::vector<OnnxTensor> tensors_;
  std::vector<OnnxTensor>::const_iterator from_ = tensors_.begin();
  std::shared_ptr<VadWeights> weights_{new VadWeights};
  std::string problem_;
};

Result<std::shared_ptr<const VadWeights>> VadWeights::parse(std::span<const std::byte> onnx) {
  auto tensors = onnx_float_tensors(onnx);
  if (!tensors) return tensors.error();
  return VadWeightsBuilder(std::move(tensors).value()).build();
}

Result<std::shared_ptr<const VadWeights>> VadWeights::load(const std::filesystem::path& file) {
  if (auto there = require_model_file(file); !there) return there.error();
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const auto size = in ? static_cast<std::size_t>(in.tellg()) : 0;
  if (size == 0 || size > file_bytes_max) return Error{Errc::data_corrupt, file.string() + ": cannot be read"};
  std::vector<std::byte> bytes(size);
  in.seekg(0).read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  auto weights = in ? parse(bytes) : Error{Errc::data_corrupt, "cannot be read"};
  if (!weights) return Error{weights.error().code, file.string() + ": " + weights.error().message};
  return weights;
}

}  // namespace repartee::pipeline
