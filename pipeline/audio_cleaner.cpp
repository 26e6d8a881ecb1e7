#include "pipeline/audio_cleaner.hpp"

#include <speex/speex_preprocess.h>

#include <new>

namespace repartee::pipeline {

struct AudioCleaner::Impl {
  struct Free {
    void operator()(SpeexPreprocessState* state) const { speex_preprocess_state_destroy(state); }
  };
  std::unique_ptr<SpeexPreprocessState, Free> state;

  template <class T>
  void set(int option, T value) {
    speex_preprocess_ctl(state.get(), option, &value);
  }
};

AudioCleaner::AudioCleaner(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->state.reset(speex_preprocess_state_init(static_cast<int>(frame_samples), asr_rate_hz));
  if (!impl_->state) throw std::bad_alloc();
  impl_->set<spx_int32_t>(SPEEX_PREPROCESS_SET_DENOISE, options.denoise ? 1 : 0);
  impl_->set<spx_int32_t>(SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, -options.noise_suppress_db);
  impl_->set<spx_int32_t>(SPEEX_PREPROCESS_SET_AGC, options.level ? 1 : 0);
  impl_->set<float>(SPEEX_PREPROCESS_SET_AGC_LEVEL, static_cast<float>(options.level_target));
  impl_->set<spx_int32_t>(SPEEX_PREPROCESS_SET_AGC_MAX_GAIN, options.level_gain_max_db);
}
AudioCleaner::~AudioCleaner() = default;
AudioCleaner::AudioCleaner(AudioCleaner&&) noexcept = default;
AudioCleaner& AudioCleaner::operator=(AudioCleaner&&) noexcept = default;

void AudioCleaner::process(std::span<std::int16_t, frame_samples> frame) { speex_preprocess_run(impl_->state.get(), frame.data()); }

}  // namespace repartee::pipeline
