#include "pipeline/vector_math.hpp"

#include <algorithm>
#include <cmath>

// Resolved before the sanitizers are up, so not with them.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define REPARTEE_WIDEST __attribute__((target_clones("arch=haswell", "default")))
#else
#define REPARTEE_WIDEST
#endif

namespace repartee::pipeline {

REPARTEE_WIDEST float inner_product(const float* a, const float* b, std::size_t n) {
  constexpr std::size_t lanes = 32;  // sums side by side, so that they need not wait for each other
  float sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  float total = 0;
  for (; i < n; ++i) total += a[i] * b[i];
  for (const float sum : sums) total += sum;
  return total;
}

REPARTEE_WIDEST void multiply(const float* x, const float* weights, const float* bias, float* y, std::size_t rows, std::size_t inner,
                              std::size_t cols) {
  constexpr std::size_t rows_at_once = 4;  // each weight is read once for so many rows
  for (std::size_t row = 0; row < rows; ++row) {
    if (bias) std::copy(bias, bias + cols, y + row * cols);
    else std::fill(y + row * cols, y + (row + 1) * cols, 0.0F);
  }
  std::size_t row = 0;
  for (; row + rows_at_once <= rows; row += rows_at_once) {
    float *y0 = y + row * cols, *y1 = y0 + cols, *y2 = y1 + cols, *y3 = y2 + cols;
    for (std::size_t i = 0; i < inner; ++i) {
      const float* w = weights + i * cols;
      const float x0 = x[row * inner + i], x1 = x[(row + 1) * inner + i], x2 = x[(row + 2) * inner + i], x3 = x[(row + 3) * inner + i];
#pragma GCC ivdep
      for (std::size_t col = 0; col < cols; ++col) {
        y0[col] += x0 * w[col];
        y1[col] += x1 * w[col];
        y2[col] += x2 * w[col];
        y3[col] += x3 * w[col];
      }
    }
  }
  for (; row < rows; ++row) {
    float* y0 = y + row * cols;
    for (std::size_t i = 0; i < inner; ++i) {
      const float* w = weights + i * cols;
      const float x0 = x[row * inner + i];
#pragma GCC ivdep
      for (std::size_t col = 0; col < cols; ++col) y0[col] += x0 * w[col];
    }
  }
}

bool normalise(std::span<float> vector) {
  const float length = std::sqrt(inner_product(vector.data(), vector.data(), vector.size()));
  if (!std::isfinite(length) || length <= 0) return false;
  for (float& x : vector) x /= length;
  return true;
}

}  // namespace repartee::pipeline
