#include "pipeline/vad_batch.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cassert>
#include <vector>

namespace repartee::pipeline {
namespace {

constexpr std::size_t row_samples = vad_context_samples + vad_window_samples;
constexpr const char* input_names[] = {"input", "state", "sr"};
constexpr const char* output_names[] = {"output", "stateN"};

float to_float(std::int16_t sample) { return static_cast<float>(sample) / 32768.0f; }

// The tensors of one batch size: views into the shared buffers.
struct Tensors {
  std::vector<Ort::Value> inputs, outputs;
};

}  // namespace

struct VadBatch::Impl {
  Impl(std::shared_ptr<const VadModel> m, std::size_t streams_max)
      : model(std::move(m)),
        input(streams_max * row_samples),
        state(streams_max * VadMemory::layers * VadMemory::cells),
        output(streams_max),
        next_state(state.size()),
        tensors(streams_max + 1) {}

  Tensors& of_size(std::size_t size) {
    Tensors& made = tensors[size];
    if (!made.inputs.empty()) return made;
    const auto count = static_cast<std::int64_t>(size);
    const std::array<std::int64_t, 2> input_shape{count, row_samples}, output_shape{count, 1};
    const std::array<std::int64_t, 3> state_shape{VadMemory::layers, count, VadMemory::cells};
    const std::size_t state_size = size * VadMemory::layers * VadMemory::cells;
    made.inputs.push_back(Ort::Value::CreateTensor<float>(memory_info, input.data(), size * row_samples, input_shape.data(), 2));
    made.inputs.push_back(Ort::Value::CreateTensor<float>(memory_info, state.data(), state_size, state_shape.data(), 3));
    made.inputs.push_back(Ort::Value::CreateTensor<std::int64_t>(memory_info, &rate_hz, 1, nullptr, 0));
    made.outputs.push_back(Ort::Value::CreateTensor<float>(memory_info, output.data(), size, output_shape.data(), 2));
    made.outputs.push_back(Ort::Value::CreateTensor<float>(memory_info, next_state.data(), state_size, state_shape.data(), 3));
    return made;
  }

  // Where the states of a slot lie in [layer, stream, cell].
  std::size_t state_at(std::size_t layer, std::size_t slot) const { return (layer * streams + slot) * VadMemory::cells; }

  std::shared_ptr<const VadModel> model;
  Ort::MemoryInfo memory_info = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options;
  std::int64_t rate_hz = asr_rate_hz;
  std::vector<float> input, state, output, next_state;
  std::vector<Tensors> tensors;  // by batch size, made at first use
  std::size_t streams = 0;
};

VadBatch::VadBatch(std::shared_ptr<const VadModel> model, std::size_t streams_max)
    : impl_(std::make_unique<Impl>(std::move(model), streams_max)) {}
VadBatch::~VadBatch() = default;

void VadBatch::begin(std::size_t streams) {
  assert(streams > 0 && streams < impl_->tensors.size());
  impl_->streams = streams;
}

void VadBatch::set(std::size_t slot, const VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window) {
  float* row = impl_->input.data() + slot * row_samples;
  std::transform(memory.context.begin(), memory.context.end(), row, to_float);
  std::transform(window.begin(), window.end(), row + vad_context_samples, to_float);
  for (std::size_t layer = 0; layer < VadMemory::layers; ++layer)
    std::copy_n(memory.state.data() + layer * VadMemory::cells, VadMemory::cells, impl_->state.data() + impl_->state_at(layer, slot));
}

Status VadBatch::run() {
  try {
    Tensors& tensors = impl_->of_size(impl_->streams);
    impl_->model->session()->Run(impl_->run_options, input_names, tensors.inputs.data(), tensors.inputs.size(), output_names,
                                 tensors.outputs.data(), tensors.outputs.size());
    return {};
  } catch (const Ort::Exception& error) { return Error{Errc::internal, std::string("voice activity model: ") + error.what()}; }
}

float VadBatch::take(std::size_t slot, VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window) const {
  for (std::size_t layer = 0; layer < VadMemory::layers; ++layer)
    std::copy_n(impl_->next_state.data() + impl_->state_at(layer, slot), VadMemory::cells, memory.state.data() + layer * VadMemory::cells);
  std::copy(window.end() - vad_context_samples, window.end(), memory.context.begin());
  return impl_->output[slot];
}

Result<std::shared_ptr<const VadModel>> VadModel::load(const OnnxRuntime& runtime, const std::filesystem::path& models_dir) {
  auto session = runtime.open(models_dir / "silero" / "silero_vad_v6.onnx");
  if (!session) return session.error();
  return std::shared_ptr<const VadModel>(new VadModel(std::move(*session)));
}

Result<std::vector<float>> vad_probabilities(const VadModel& model, std::span<const std::int16_t> samples_16k) {
  // The batch borrows the model for this call only.
  VadBatch batch(std::shared_ptr<const VadModel>(std::shared_ptr<const VadModel>{}, &model), 1);
  VadMemory memory;
  std::vector<float> probabilities;
  for (; samples_16k.size() >= vad_window_samples; samples_16k = samples_16k.subspan(vad_window_samples)) {
    const auto window = samples_16k.first<vad_window_samples>();
    batch.begin(1);
    batch.set(0, memory, window);
    if (auto ran = batch.run(); !ran) return ran.error();
    probabilities.push_back(batch.take(0, memory, window));
  }
  return probabilities;
}

}  // namespace repartee::pipeline
