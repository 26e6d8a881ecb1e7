// Included by one .cpp for each set of instructions, which says VAD_RUN (the function's name), VAD_VECTOR_BYTES and VAD_VECTORS (of a lane
// group that are worked on at once). Everything else has internal linkage.
#include "pipeline/vad_kernel.hpp"

namespace repartee::pipeline::vad_kernel {
namespace {

typedef float Vector __attribute__((vector_size(VAD_VECTOR_BYTES), aligned(VAD_VECTOR_BYTES)));
typedef int Integers __attribute__((vector_size(VAD_VECTOR_BYTES), aligned(VAD_VECTOR_BYTES)));
constexpr std::size_t width = VAD_VECTOR_BYTES / sizeof(float);

inline const Vector& at(const float* row) { return *reinterpret_cast<const Vector*>(row); }
inline Vector& at(float* row) { return *reinterpret_cast<Vector*>(row); }
inline Vector all(float value) { return value - Vector{}; }
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

// Eight outputs of `vectors` vectors of lanes. inputs: one for each tap, null where there is none (beyond the window's edge).
template <std::size_t vectors>
inline void eight_outputs(const Layer& layer, std::size_t block, const Row* const* inputs, Row* outputs, std::size_t lane, bool rectify) {
  Vector sums[outputs_at_once][vectors];
#pragma GCC unroll 8
  for (std::size_t o = 0; o < outputs_at_once; ++o)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < vectors; ++v) sums[o][v] = all(layer.bias[block * outputs_at_once + o]);
  for (std::size_t tap = 0; tap < layer.taps; ++tap) {
    if (!inputs[tap]) continue;
    const float* weight = layer.weights + (block * layer.taps + tap) * layer.channels * outputs_at_once;
    const float* input = &inputs[tap][0][lane];
    for (std::size_t channel = 0; channel < layer.channels; ++channel, weight += outputs_at_once, input += lanes) {
      Vector x[vectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < vectors; ++v) x[v] = at(input + v * width);
#pragma GCC unroll 8
      for (std::size_t o = 0; o < outputs_at_once; ++o)
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) sums[o][v] += weight[o] * x[v];
    }
  }
#pragma GCC unroll 8
  for (std::size_t o = 0; o < outputs_at_once; ++o)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < vectors; ++v)
      at(&outputs[block * outputs_at_once + o][lane + v * width]) = rectify ? larger(sums[o][v], Vector{}) : sums[o][v];
}

void run_layer(const Layer& layer, const Row* const* inputs, Row* outputs, std::size_t used, bool rectify) {
  for (std::size_t block = 0; block < layer.outputs / outputs_at_once; ++block) {
    std::size_t lane = 0;
    for (; lane + VAD_VECTORS * width <= used; lane += VAD_VECTORS * width)
      eight_outputs<VAD_VECTORS>(layer, block, inputs, outputs, lane, rectify);
    for (; lane < used; lane += width) eight_outputs<1>(layer, block, inputs, outputs, lane, rectify);
  }
}

void spectrum(const Net& net, Group& group, std::size_t frame, std::size_t used) {
  const Row* x = group.samples + frame * frame_step;
  for (std::size_t lane = 0; lane < used; lane += width) {
    at(&group.even[0][lane]) = at(&x[0][lane]);
    at(&group.even[half][lane]) = at(&x[half][lane]);
    at(&group.odd[0][lane]) = at(&group.odd[half][lane]) = Vector{};
    for (std::size_t n = 1; n < half; ++n) {
      const Vector a = at(&x[n][lane]), b = at(&x[frame_samples - n][lane]);
      at(&group.even[n][lane]) = a + b;
      at(&group.odd[n][lane]) = a - b;
    }
  }
  const Row *even = group.even, *odd = group.odd;
  run_layer(net.cosines, &even, group.real, used, false);
  run_layer(net.sines, &odd, group.imaginary, used, false);
  for (std::size_t bin = 0; bin < bins; ++bin)
    for (std::size_t lane = 0; lane < used; ++lane) {
      const float re = group.real[bin][lane], im = group.imaginary[bin][lane];
      group.magnitudes[frame][bin][lane] = __builtin_sqrtf(re * re + im * im);
    }
}

// One position of a convolution with three taps: its neighbours in time, null beyond the edges.
void convolve(const Layer& layer, const Row* before, const Row* here, const Row* after, Row* outputs, std::size_t used) {
  const Row* const inputs[] = {before, here, after};
  run_layer(layer, inputs, outputs, used, true);
}

// Relative error below 2e-7: the exponent by itself, the rest (at most ln 2 / 2) by its series.
inline Vector exponential(Vector x) {
  constexpr float log2_e = 1.44269504F, ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
  const Vector rounder = all(12582912.0F);  // 1.5 * 2^23: adding it leaves an integer in the lowest bits
  x = smaller(larger(x, all(-87.0F)), all(87.0F));
  const Vector shifted = x * log2_e + rounder;
  const Vector whole = shifted - rounder;
  const Vector r = x - whole * ln2_high - whole * ln2_low;
  Vector sum = all(1.0F / 720) * r + 1.0F / 120;
  sum = sum * r + 1.0F / 24;
  sum = sum * r + 1.0F / 6;
  sum = sum * r + 0.5F;
  sum = sum * r + 1.0F;
  sum = sum * r + 1.0F;
  const Integers power = (__builtin_bit_cast(Integers, shifted) - __builtin_bit_cast(Integers, rounder) + 127) << 23;
  return sum * __builtin_bit_cast(Vector, power);
}
inline Vector sigmoid(Vector x) { return 1.0F / (1.0F + exponential(-x)); }
inline Vector hyperbolic_tangent(Vector x) { return 2.0F * sigmoid(2.0F * x) - 1.0F; }

void remember_and_decide(const Net& net, Group& group, std::size_t used) {
  const Row* const inputs[] = {group.fourth, group.hidden};
  run_layer(net.lstm, inputs, group.gate, used, false);
  for (std::size_t lane = 0; lane < used; lane += width) {
    Vector sum = all(net.decoder_bias);
    for (std::size_t i = 0; i < cells; ++i) {
      const Vector in = sigmoid(at(&group.gate[i][lane])), forget = sigmoid(at(&group.gate[cells + i][lane]));
      const Vector fresh = hyperbolic_tangent(at(&group.gate[2 * cells + i][lane])), out = sigmoid(at(&group.gate[3 * cells + i][lane]));
      const Vector cell = forget * at(&group.cell[i][lane]) + in * fresh;
      const Vector hidden = out * hyperbolic_tangent(cell);
      at(&group.cell[i][lane]) = cell;
      at(&group.hidden[i][lane]) = hidden;
      sum += net.decoder[i] * larger(hidden, Vector{});
    }
    at(&group.probability[lane]) = sigmoid(sum);
  }
}

}  // namespace

void VAD_RUN(const Net& net, Group& group, std::size_t streams) {
  const std::size_t used = (streams + width - 1) / width * width;
  for (std::size_t i = 0; i < mirrored_samples; ++i)
    for (std::size_t lane = 0; lane < used; lane += width)
      at(&group.samples[window_samples + i][lane]) = at(&group.samples[window_samples - 2 - i][lane]);
  for (std::size_t frame = 0; frame < frames; ++frame) spectrum(net, group, frame, used);
  const auto& m = group.magnitudes;
  for (std::size_t i = 0; i < frames; ++i)
    convolve(net.encoder[0], i > 0 ? m[i - 1] : nullptr, m[i], i + 1 < frames ? m[i + 1] : nullptr, group.first[i], used);
  convolve(net.encoder[1], nullptr, group.first[0], group.first[1], group.second[0], used);
  convolve(net.encoder[1], group.first[1], group.first[2], group.first[3], group.second[1], used);
  convolve(net.encoder[2], nullptr, group.second[0], group.second[1], group.third, used);
  convolve(net.encoder[3], nullptr, group.third, nullptr, group.fourth, used);
  remember_and_decide(net, group, used);
}

}  // namespace repartee::pipeline::vad_kernel
