#include "pipeline/vad_batch.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "pipeline/vad_kernel.hpp"

namespace repartee::pipeline {

using vad_kernel::Group;
using vad_kernel::lanes;

struct VadBatch::Impl {
  std::shared_ptr<const VadModel> model;
  std::vector<std::unique_ptr<Group>> groups;
  std::size_t streams = 0;
  vad_kernel::Run run = vad_kernel::best_for_this_processor();
};

VadBatch::VadBatch(std::shared_ptr<const VadModel> model, std::size_t streams_max) : impl_(std::make_unique<Impl>()) {
  impl_->model = std::move(model);
  for (std::size_t i = 0; i < streams_max; i += lanes) impl_->groups.push_back(std::make_unique<Group>());
}
VadBatch::~VadBatch() = default;

void VadBatch::begin(std::size_t streams) {
  assert(streams > 0 && streams <= impl_->groups.size() * lanes);
  impl_->streams = streams;
}

void VadBatch::set(std::size_t slot, const VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window) {
  Group& group = *impl_->groups[slot / lanes];
  const std::size_t lane = slot % lanes;
  const auto put = [&](std::size_t at, std::int16_t sample) { group.samples[at][lane] = static_cast<float>(sample) / 32768.0F; };
  for (std::size_t i = 0; i < vad_context_samples; ++i) put(i, memory.context[i]);
  for (std::size_t i = 0; i < vad_window_samples; ++i) put(vad_context_samples + i, window[i]);
  for (std::size_t i = 0; i < VadMemory::cells; ++i) {
    group.hidden[i][lane] = memory.state[i];
    group.cell[i][lane] = memory.state[VadMemory::cells + i];
  }
}

void VadBatch::run() {
  for (std::size_t first = 0; first < impl_->streams; first += lanes)
    impl_->run(impl_->model->weights().net(), *impl_->groups[first / lanes], std::min(lanes, impl_->streams - first));
}

float VadBatch::take(std::size_t slot, VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window) const {
  const Group& group = *impl_->groups[slot / lanes];
  const std::size_t lane = slot % lanes;
  for (std::size_t i = 0; i < VadMemory::cells; ++i) {
    memory.state[i] = group.hidden[i][lane];
    memory.state[VadMemory::cells + i] = group.cell[i][lane];
  }
  std::copy(window.end() - vad_context_samples, window.end(), memory.context.begin());
  return group.probability[lane];
}

Result<std::shared_ptr<const VadModel>> VadModel::load(const std::filesystem::path& models_dir) {
  auto weights = VadWeights::load(models_dir / "silero" / "silero_vad_v6.onnx");
  if (!weights) return weights.error();
  return std::shared_ptr<const VadModel>(new VadModel(std::move(weights).value()));
}

std::vector<float> vad_probabilities(const VadModel& model, std::span<const std::int16_t> samples_16k) {
  // The batch borrows the model for this call only.
  VadBatch batch(std::shared_ptr<const VadModel>(std::shared_ptr<const VadModel>{}, &model), 1);
  VadMemory memory;
  std::vector<float> probabilities;
  for (; samples_16k.size() >= vad_window_samples; samples_16k = samples_16k.subspan(vad_window_samples)) {
    const auto window = samples_16k.first<vad_window_samples>();
    batch.begin(1);
    batch.set(0, memory, window);
    batch.run();
    probabilities.push_back(batch.take(0, memory, window));
  }
  return probabilities;
}

}  // namespace repartee::pipeline
