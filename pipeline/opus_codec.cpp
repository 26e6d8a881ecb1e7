#include "pipeline/opus_codec.hpp"

#include <opus/opus.h>

#include <new>
#include <string>

namespace repartee::pipeline {
namespace {

constexpr std::size_t decoded_samples_max = asr_rate_hz / 1000 * opus_packet_ms_max;

struct FreeDecoder {
  void operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }
};
struct FreeEncoder {
  void operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
};

}  // namespace

struct OpusDecoder16k::Impl {
  std::unique_ptr<::OpusDecoder, FreeDecoder> decoder;
  Samples samples;  // as long as the longest packet met, so that an idle session stays small

  Result<std::span<const std::int16_t>> run(std::span<const std::uint8_t> packet, std::size_t samples_wanted) {
    samples.resize(samples_wanted);
    const auto* data = packet.empty() ? nullptr : packet.data();
    const int count =
        opus_decode(decoder.get(), data, static_cast<opus_int32>(packet.size()), samples.data(), static_cast<int>(samples_wanted), 0);
    if (count < 0) return Error{Errc::invalid_argument, std::string("not an Opus packet: ") + opus_strerror(count)};
    return std::span<const std::int16_t>(samples).first(static_cast<std::size_t>(count));
  }
};

OpusDecoder16k::OpusDecoder16k() : impl_(std::make_unique<Impl>()) {
  int error = OPUS_OK;
  impl_->decoder.reset(opus_decoder_create(asr_rate_hz, 1, &error));
  if (!impl_->decoder) throw std::bad_alloc();  // the arguments are constants, so this is all it can be
}
OpusDecoder16k::~OpusDecoder16k() = default;
OpusDecoder16k::OpusDecoder16k(OpusDecoder16k&&) noexcept = default;
OpusDecoder16k& OpusDecoder16k::operator=(OpusDecoder16k&&) noexcept = default;

Result<std::span<const std::int16_t>> OpusDecoder16k::decode(std::span<const std::uint8_t> packet) {
  if (packet.empty()) return Error{Errc::invalid_argument, "an Opus packet is at least one byte"};
  if (packet.size() > opus_packet_bytes_max)
    return Error{Errc::invalid_argument, "an Opus packet is at most " + std::to_string(opus_packet_bytes_max) + " bytes"};
  const int wanted = opus_packet_get_nb_samples(packet.data(), static_cast<opus_int32>(packet.size()), asr_rate_hz);
  if (wanted <= 0 || static_cast<std::size_t>(wanted) > decoded_samples_max)
    return Error{Errc::invalid_argument, "not an Opus packet: its length is not legal"};
  return impl_->run(packet, static_cast<std::size_t>(wanted));
}

Result<std::span<const std::int16_t>> OpusDecoder16k::conceal(int ms) {
  if (ms <= 0 || ms % 10 != 0 || ms > opus_packet_ms_max)
    return Error{Errc::invalid_argument, "concealment is in steps of 10 ms, at most 120"};
  return impl_->run({}, static_cast<std::size_t>(asr_rate_hz / 1000 * ms));
}

void OpusDecoder16k::reset() { opus_decoder_ctl(impl_->decoder.get(), OPUS_RESET_STATE); }

struct OpusEncoder::Impl {
  std::unique_ptr<::OpusEncoder, FreeEncoder> encoder;
  std::size_t frame_samples = 0;
  std::array<std::uint8_t, opus_packet_bytes_max> packet;
};

Result<OpusEncoder> OpusEncoder::create(Options options) {
  if (options.rate_hz != 16000 && options.rate_hz != 24000 && options.rate_hz != 48000)
    return Error{Errc::invalid_argument, "Opus output is at 16000, 24000 or 48000 Hz"};
  if (options.bitrate_bps < 6000 || options.bitrate_bps > 128000) return Error{Errc::invalid_argument, "Opus bitrate is 6000 to 128000"};
  if (options.complexity < 0 || options.complexity > 10) return Error{Errc::invalid_argument, "Opus complexity is 0 to 10"};
  auto impl = std::make_unique<Impl>();
  int error = OPUS_OK;
  impl->encoder.reset(opus_encoder_create(options.rate_hz, 1, OPUS_APPLICATION_VOIP, &error));
  if (!impl->encoder) return Error{Errc::internal, std::string("no Opus encoder: ") + opus_strerror(error)};
  impl->frame_samples = static_cast<std::size_t>(options.rate_hz / 1000 * frame_ms);
  auto* raw = impl->encoder.get();
  opus_encoder_ctl(raw, OPUS_SET_BITRATE(options.bitrate_bps));
  opus_encoder_ctl(raw, OPUS_SET_COMPLEXITY(options.complexity));
  opus_encoder_ctl(raw, OPUS_SET_VBR(options.variable_bitrate ? 1 : 0));
  opus_encoder_ctl(raw, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  return OpusEncoder(std::move(impl));
}

OpusEncoder::OpusEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpusEncoder::~OpusEncoder() = default;
OpusEncoder::OpusEncoder(OpusEncoder&&) noexcept = default;
OpusEncoder& OpusEncoder::operator=(OpusEncoder&&) noexcept = default;

std::size_t OpusEncoder::frame_samples() const { return impl_->frame_samples; }

Result<std::span<const std::uint8_t>> OpusEncoder::encode(std::span<const std::int16_t> frame) {
  if (frame.size() != impl_->frame_samples) return Error{Errc::invalid_argument, "an Opus frame is exactly 20 ms"};
  const int bytes = opus_encode(impl_->encoder.get(), frame.data(), static_cast<int>(frame.size()), impl_->packet.data(),
                                static_cast<opus_int32>(impl_->packet.size()));
  if (bytes < 0) return Error{Errc::internal, std::string("Opus encoder: ") + opus_strerror(bytes)};
  return std::span<const std::uint8_t>(impl_->packet).first(static_cast<std::size_t>(bytes));
}

void OpusEncoder::reset() { opus_encoder_ctl(impl_->encoder.get(), OPUS_RESET_STATE); }

void OpusEncoder::set_complexity(int complexity) { opus_encoder_ctl(impl_->encoder.get(), OPUS_SET_COMPLEXITY(complexity)); }

}  // namespace repartee::pipeline
