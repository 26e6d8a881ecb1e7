// Set-up step for the Kokoro voice: rewrites the published 8-bit model into the one the server runs.
// Three changes, none of which alters the weights:
//  - ConvInteger (with its quantise, cast and rescale nodes) becomes a Conv on the same weights in 32-bit float. ONNX Runtime has no fast
//    kernel for ConvInteger on x86-64 or arm64, so this roughly halves the time a clause takes;
//  - the predicted length of each phoneme (in frames of 25 ms) becomes a second output, from which word times are made;
//  - nodes and weights nothing reads any more are removed.
// Thread contract: any thread; two processes may prepare the same file at once (each writes its own temporary file, then renames).
#pragma once
#include <filesystem>

#include "core/result.hpp"

namespace repartee::pipeline {

// Where the files are below the models directory.
inline constexpr const char* kokoro_folder = "kokoro";
inline constexpr const char* kokoro_published_file = "kokoro-quantized.onnx";
inline constexpr const char* kokoro_prepared_file = "kokoro-prepared.onnx";

// The name of the added output: f32[1, phonemes + 2], whole numbers.
inline constexpr const char* kokoro_durations_output = "/encoder/Clip_output_0";

// Writes `model_out` and beside it `model_out`.stamp, which names the source by its sha256: a second call only checks the stamp.
// Errors: not_found (model_in), data_corrupt (not this model), resource_exhausted (disk), internal.
Status prepare_kokoro(const std::filesystem::path& model_in, const std::filesystem::path& model_out);

}  // namespace repartee::pipeline
