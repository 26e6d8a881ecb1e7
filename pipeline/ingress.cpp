#include "pipeline/ingress.hpp"

#include <algorithm>

#include "pipeline/audio_cleaner.hpp"
#include "pipeline/g711.hpp"
#include "pipeline/opus_codec.hpp"
#include "pipeline/resampler.hpp"

namespace repartee::pipeline {
namespace {

bool is_pcm_rate(int rate_hz) { return rate_hz == 8000 || rate_hz == 16000 || rate_hz == 24000 || rate_hz == 48000; }

std::int16_t little_endian(std::uint8_t low, std::uint8_t high) { return static_cast<std::int16_t>(low | high << 8); }

void shrink(Samples& samples) {
  samples.clear();
  if (samples.capacity() > Ingress::samples_kept_max) samples.shrink_to_fit();
}

}  // namespace

struct Ingress::Impl {
  InputFormat format;
  std::int64_t samples_received = 0;
  std::optional<std::uint8_t> half_sample;  // the low byte of a sample whose high byte is still to come
  std::optional<OpusDecoder16k> opus;
  std::optional<Resampler> resampler;  // absent: the input is at 16 kHz
  std::optional<AudioCleaner> cleaner;
  Samples decoded;    // at the input's rate
  Samples uncleaned;  // 16 kHz, less than a frame between calls
  Samples out;        // what the last push handed over

  void decode_pcm(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    decoded.reserve(bytes.size() / 2 + 1);
    if (half_sample) {
      decoded.push_back(little_endian(*half_sample, bytes[0]));
      half_sample.reset();
      bytes = bytes.subspan(1);
    }
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) decoded.push_back(little_endian(bytes[i], bytes[i + 1]));
    if (bytes.size() % 2 != 0) half_sample = bytes.back();
  }

  Status decode(std::span<const std::uint8_t> bytes) {
    switch (format.codec) {
      case InputCodec::pcm: decode_pcm(bytes); break;
      case InputCodec::pcmu: g711_decode(G711Law::mu, bytes, decoded); break;
      case InputCodec::pcma: g711_decode(G711Law::a, bytes, decoded); break;
      case InputCodec::opus: {
        auto samples = opus->decode(bytes);
        if (!samples) return samples.error();
        decoded.assign(samples->begin(), samples->end());
        break;
      }
    }
    return {};
  }

  void clean() {
    uncleaned.insert(uncleaned.end(), out.begin(), out.end());
    const std::size_t whole = uncleaned.size() / AudioCleaner::frame_samples * AudioCleaner::frame_samples;
    for (std::size_t i = 0; i < whole; i += AudioCleaner::frame_samples)
      cleaner->process(std::span<std::int16_t, AudioCleaner::frame_samples>(uncleaned.data() + i, AudioCleaner::frame_samples));
    const auto end = uncleaned.begin() + static_cast<std::ptrdiff_t>(whole);
    out.assign(uncleaned.begin(), end);
    uncleaned.erase(uncleaned.begin(), end);
    if (uncleaned.capacity() > samples_kept_max) uncleaned.shrink_to_fit();
  }
};

Result<Ingress> Ingress::create(InputFormat format, std::int64_t samples_before) {
  if (format.codec == InputCodec::pcm && !is_pcm_rate(format.pcm_rate_hz))
    return Error{Errc::invalid_argument, "PCM input is at 8000, 16000, 24000 or 48000 Hz"};
  auto impl = std::make_unique<Impl>();
  impl->format = format;
  impl->samples_received = samples_before;
  int rate_hz = asr_rate_hz;  // Opus decodes to it
  if (format.codec == InputCodec::pcm) rate_hz = format.pcm_rate_hz;
  if (format.codec == InputCodec::pcmu || format.codec == InputCodec::pcma) rate_hz = g711_rate_hz;
  if (format.codec == InputCodec::opus) impl->opus.emplace();
  if (rate_hz != asr_rate_hz) impl->resampler.emplace(Resampler::Options{.from_hz = rate_hz});
  if (format.noise_reduction) impl->cleaner.emplace();
  return Ingress(std::move(impl));
}

Ingress::Ingress(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ingress::~Ingress() = default;
Ingress::Ingress(Ingress&&) noexcept = default;
Ingress& Ingress::operator=(Ingress&&) noexcept = default;

Result<std::span<const std::int16_t>> Ingress::push(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > message_bytes_max) return Error{Errc::invalid_argument, "an audio message is at most 16 MiB"};
  Impl& in = *impl_;
  if (in.opus && !in.cleaner) {   // handed over where the decoder left them
    const auto samples = in.opus->decode(bytes);
    if (samples) in.samples_received += static_cast<std::int64_t>(samples->size());
    return samples;
  }
  shrink(in.decoded);
  shrink(in.out);
  if (auto decoded = in.decode(bytes); !decoded) return decoded.error();
  if (in.resampler) in.resampler->process(in.decoded, in.out);
  else in.out.swap(in.decoded);
  if (in.cleaner) in.clean();
  in.samples_received += static_cast<std::int64_t>(in.out.size());
  return std::span<const std::int16_t>(in.out);
}

const InputFormat& Ingress::format() const { return impl_->format; }
std::int64_t Ingress::samples_received() const { return impl_->samples_received; }

}  // namespace repartee::pipeline
