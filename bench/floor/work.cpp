#include "bench/floor/work.hpp"

#include <algorithm>

namespace repartee::bench {
namespace {

using Window = std::span<const std::int16_t, pipeline::vad_window_samples>;
Window window_of(const FloorEar& ear) { return std::span(ear.samples).first<pipeline::vad_window_samples>(); }

}  // namespace

void decode(FloorEar& ear, std::string_view packet) {
  const auto samples = ear.decoder.decode({reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
  if (!samples) return;
  const std::size_t count = std::min(samples->size(), ear.samples.size() - ear.filled);
  std::copy_n(samples->begin(), count, ear.samples.begin() + static_cast<std::ptrdiff_t>(ear.filled));
  ear.filled += count;
}

Result<std::unique_ptr<FloorVad>> FloorVad::make(const std::filesystem::path& models_dir) {
  auto model = pipeline::VadModel::load(models_dir);
  if (!model) return model.error();
  return std::unique_ptr<FloorVad>(new FloorVad(std::move(model).value()));
}

void FloorVad::run(std::span<FloorEar* const> ears) {
  for (std::size_t begin = 0; begin < ears.size(); begin += batch_max) {
    const auto part = ears.subspan(begin, std::min(batch_max, ears.size() - begin));
    batch_.begin(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) batch_.set(i, part[i]->memory, window_of(*part[i]));
    batch_.run();
    for (std::size_t i = 0; i < part.size(); ++i) {
      FloorEar& ear = *part[i];
      (void)batch_.take(i, ear.memory, window_of(ear));
      std::copy(ear.samples.begin() + pipeline::vad_window_samples, ear.samples.begin() + static_cast<std::ptrdiff_t>(ear.filled),
                ear.samples.begin());
      ear.filled -= pipeline::vad_window_samples;
    }
  }
}

}  // namespace repartee::bench
