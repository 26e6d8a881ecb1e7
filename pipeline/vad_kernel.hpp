// The arithmetic of Silero VAD v6 at 16 kHz, for up to 32 streams at once: a stream is a lane of a vector, so that each weight is read once
// for all of them. Which processor's instructions are used is chosen when the program runs.
// The net: 576 samples and 64 of them mirrored at the end -> spectrum of 4 frames (256 samples, every 128, windowed) -> magnitudes ->
// convolutions over time (129 -> 128 -> 64 -> 64 -> 128 channels, three taps, steps 1, 2, 2, 1) -> LSTM of 128 cells -> one probability.
// Thread contract: pure; a group is used by one thread at a time.
// No standard headers but cstddef: the kernels are compiled for processors that this program may not run on, and nothing of theirs may be
// shared with the rest.
#pragma once
#include <cstddef>

namespace repartee::pipeline::vad_kernel {

constexpr std::size_t lanes = 32;           // streams of a group
constexpr std::size_t outputs_at_once = 8;  // a layer's outputs are padded to a multiple of it
constexpr std::size_t window_samples = 576, mirrored_samples = 64, padded_samples = window_samples + mirrored_samples;
constexpr std::size_t frame_samples = 256, frame_step = 128, frames = 4, half = frame_samples / 2;
constexpr std::size_t bins = half + 1, bins_padded = 136;
constexpr std::size_t cells = 128, gates = 4 * cells;

// Weights lie as they are used: [outputs / 8][taps][channels][8].
struct Layer {
  const float* weights;
  const float* bias;  // [outputs]
  std::size_t outputs, taps, channels;
};
// A windowed cosine is even about the middle of its frame, a sine odd: half of the products are enough.
struct Net {
  Layer cosines, sines;  // of the sums and differences of mirrored samples: bins + 7 outputs, 1 tap, bins channels
  Layer encoder[4];
  Layer lstm;            // gates outputs; taps: the encoder's output, what was put out before; bias: the sum of both
  const float* decoder;  // [cells]
  float decoder_bias;
};

using Row = float[lanes];
struct alignas(64) Group {
  Row samples[padded_samples];  // the caller sets the first window_samples
  Row even[bins], odd[bins];
  Row real[bins_padded], imaginary[bins_padded];
  Row magnitudes[frames][bins_padded];
  Row first[frames][128], second[2][64], third[64], fourth[128];
  Row gate[gates];
  Row hidden[cells], cell[cells];  // the streams' memory: read, and replaced
  float probability[lanes];
};

// For the first `streams` lanes; what is in the others has no meaning.
using Run = void (*)(const Net& net, Group& group, std::size_t streams);
Run best_for_this_processor();
const char* name_of(Run run);  // "avx512", "avx2", "plain"

// One for each set of instructions.
void run_avx512(const Net& net, Group& group, std::size_t streams);
void run_avx2(const Net& net, Group& group, std::size_t streams);
void run_plain(const Net& net, Group& group, std::size_t streams);

}  // namespace repartee::pipeline::vad_kernel
