// The few loops over floats that sentence embeddings and vector search spend their time in. On x86-64 the machine's widest of two
// instruction sets is chosen when the program starts.
// Thread contract: pure functions. Lengths are the caller's to keep: nothing is checked.
#pragma once
#include <cstddef>
#include <span>

namespace repartee::pipeline {

float inner_product(const float* a, const float* b, std::size_t n);

// y[rows][cols] = x[rows][inner] * weights[inner][cols] + bias[cols]; row major; bias may be null.
void multiply(const float* x, const float* weights, const float* bias, float* y, std::size_t rows, std::size_t inner, std::size_t cols);

// To length 1. False: it has no direction (all zero, or not finite).
bool normalise(std::span<float> vector);

}  // namespace repartee::pipeline
