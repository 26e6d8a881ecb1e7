#include "pipeline/providers/moonshine.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pipeline/providers/moonshine_tokens.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t samples_min = asr_rate_hz / 10;  // shorter: nobody says a word in 100 ms
constexpr float silence_peak = 0.001f;                 // -60 dB: nothing but the converter's noise
constexpr std::size_t end_shift_samples = asr_rate_hz * 3 / 20;  // 150 ms: how much another end differs
constexpr float sound_level = 0.02F;                   // of 1: a whole-clip peak below is no speech
constexpr int tokens_min = 6;                          // room for a word in the shortest clip
constexpr std::size_t quiet_window_samples = asr_rate_hz / 10;

bool is_louder(std::span<const float> samples, float level) {
  return std::ranges::any_of(samples, [level](float sample) { return std::fabs(sample) >= level; });
}

std::vector<std::string> input_names(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) names.emplace_back(session.GetInputNameAllocated(i, allocator).get());
  return names;
}

std::vector<std::string> output_names(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) names.emplace_back(session.GetOutputNameAllocated(i, allocator).get());
  return names;
}

std::vector<const char*> pointers(const std::vector<std::string>& names) {
  std::vector<const char*> result;
  for (const auto& name : names) result.push_back(name.c_str());
  return result;
}

std::size_t to_samples(Millis duration) { return static_cast<std::size_t>(duration.count()) * asr_rate_hz / 1000; }

bool is_language_known(std::string_view language) { return language.empty() || language == "en" || language.starts_with("en-"); }

std::vector<float> to_floats(std::span<const std::int16_t> samples) {
  std::vector<float> floats(samples.size());
  std::transform(samples.begin(), samples.end(), floats.begin(), [](std::int16_t s) { return static_cast<float>(s) / 32768.0f; });
  return floats;
}

}  // namespace

class MoonshineAsr::Engine {
 public:
  static Result<std::shared_ptr<const Engine>> load(const OnnxRuntime& runtime, Options options);
  Result<std::string> recognise(std::span<const float> samples) const;

 private:
  // A past tensor among the decoder's inputs and the present tensor among its outputs that replaces it.
  struct CacheSlot {
    std::size_t input = 0, output = 0;
    bool of_encoder = false;  // the same for the whole utterance: kept from the first step
  };

  Status look_at_decoder();
  std::string recognise_piece(std::span<const float> piece) const;
  std::string run_once(std::span<const float> piece) const;
  std::vector<MoonshineTokens::Id> decode(Ort::Value hidden, int tokens_max) const;
  void keep_cache(std::vector<Ort::Value>& inputs, std::vector<Ort::Value>& outputs, bool is_first_step) const;

  Options options_;
  MoonshineTokens tokens_;
  std::shared_ptr<Ort::Session> encoder_, decoder_;
  std::vector<std::string> decoder_inputs_, decoder_outputs_;
  std::size_t ids_input_ = 0, hidden_input_ = 0, branch_input_ = 0, logits_output_ = 0;
  std::vector<CacheSlot> cache_;
  std::int64_t heads_ = 0, head_size_ = 0;
  Ort::MemoryInfo memory_info_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
};

Result<std::shared_ptr<const MoonshineAsr::Engine>> MoonshineAsr::Engine::load(const OnnxRuntime& runtime, Options options) {
  const auto dir = options.models_dir / "moonshine-tiny";
  auto engine = std::make_shared<Engine>();
  auto tokens = MoonshineTokens::load(dir / "llama-tokenizer.js");
  if (!tokens) return tokens.error();
  auto encoder = runtime.open(dir / "encoder_model.onnx");
  if (!encoder) return encoder.error();
  auto decoder = runtime.open(dir / "decoder_model_merged.onnx");
  if (!decoder) return decoder.error();
  engine->options_ = std::move(options);
  engine->tokens_ = std::move(*tokens);
  engine->encoder_ = std::move(*encoder);
  engine->decoder_ = std::move(*decoder);
  if (auto known = engine->look_at_decoder(); !known) return known.error();
  return std::shared_ptr<const Engine>(std::move(engine));
}

Status MoonshineAsr::Engine::look_at_decoder() {
  decoder_inputs_ = input_names(*decoder_);
  decoder_outputs_ = output_names(*decoder_);
  const auto index_of = [](const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  ids_input_ = index_of(decoder_inputs_, "input_ids");
  hidden_input_ = index_of(decoder_inputs_, "encoder_hidden_states");
  branch_input_ = index_of(decoder_inputs_, "use_cache_branch");
  logits_output_ = index_of(decoder_outputs_, "logits");
  bool is_known = std::max({ids_input_, hidden_input_, branch_input_}) < decoder_inputs_.size() && logits_output_ < decoder_outputs_.size();
  constexpr std::string_view past = "past_key_values.";
  for (std::size_t i = 0; i < decoder_inputs_.size(); ++i) {
    const std::string& name = decoder_inputs_[i];
    if (!name.starts_with(past)) continue;
    const std::size_t output = index_of(decoder_outputs_, "present." + name.substr(past.size()));
    cache_.push_back({.input = i, .output = output, .of_encoder = name.find(".encoder.") != std::string::npos});
    const auto shape = decoder_->GetInputTypeInfo(i).GetTensorTypeAndShapeInfo().GetShape();
    is_known = is_known && output < decoder_outputs_.size() && shape.size() == 4;
    if (shape.size() == 4) heads_ = shape[1], head_size_ = shape[3];
  }
  if (!is_known || heads_ <= 0 || head_size_ <= 0 || cache_.size() + 3 != decoder_inputs_.size())
    return Error{Errc::data_corrupt, "the Moonshine decoder has other inputs than expected: run `repartee models verify`"};
  return {};
}

Result<std::string> MoonshineAsr::Engine::recognise(std::span<const float> samples) const {
  if (samples.size() > to_samples(options_.utterance_max))
    return Error{Errc::invalid_argument, "the utterance is longer than " + std::to_string(options_.utterance_max.count() / 1000) + " s"};
  const std::size_t piece_samples = to_samples(options_.piece_max);
  std::string text;
  try {
    while (!samples.empty()) {
      const std::size_t length = samples.size() <= piece_samples ? samples.size() : quietest_cut(samples, piece_samples);
      const std::string piece = recognise_piece(samples.first(length));
      if (!text.empty() && !piece.empty()) text += ' ';
      text += piece;
      samples = samples.subspan(length);
    }
  } catch (const Ort::Exception& error) { return Error{Errc::internal, std::string("speech recognition: ") + error.what()}; }
  return text;
}

// With some alignments of a clip's end the decoder says "nothing" to clear speech (one in a few hundred; measured on the Asterisk prompts).
// Another end makes it listen: where there is sound, an empty answer is not believed before it was given three times.
std::string MoonshineAsr::Engine::recognise_piece(std::span<const float> piece) const {
  std::string text = run_once(piece);
  if (!text.empty() || !is_louder(piece, sound_level)) return text;
  if (piece.size() > 2 * end_shift_samples) text = run_once(piece.first(piece.size() - end_shift_samples));
  if (!text.empty()) return text;
  std::vector<float> longer(piece.begin(), piece.end());
  longer.resize(piece.size() + end_shift_samples, 0.0F);
  return run_once(longer);
}

std::string MoonshineAsr::Engine::run_once(std::span<const float> piece) const {
  if (piece.size() < samples_min || !is_louder(piece, silence_peak)) return {};
  const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(piece.size())};
  // The library takes a pointer to mutable data, and only reads through it.
  const Ort::Value input =
      Ort::Value::CreateTensor<float>(memory_info_, const_cast<float*>(piece.data()), piece.size(), shape.data(), shape.size());
  const char* input_name = "input_values";
  const char* output_name = "last_hidden_state";
  auto hidden = encoder_->Run(Ort::RunOptions{}, &input_name, &input, 1, &output_name, 1);
  const double seconds = static_cast<double>(piece.size()) / asr_rate_hz;
  const int tokens_max = std::max(tokens_min, static_cast<int>(seconds * options_.tokens_per_second_max));
  std::vector<MoonshineTokens::Id> decoded = decode(std::move(hidden.front()), tokens_max);
  const bool has_ended = !decoded.empty() && decoded.back() == MoonshineTokens::end;
  if (!has_ended) decoded.resize(length_without_loop(decoded));
  return tokens_.text(decoded);
}

// Greedy: the likeliest token becomes the next input. Ends with MoonshineTokens::end unless tokens_max came first.
std::vector<MoonshineTokens::Id> MoonshineAsr::Engine::decode(Ort::Value hidden, int tokens_max) const {
  const Ort::RunOptions run_options;
  const auto names_in = pointers(decoder_inputs_), names_out = pointers(decoder_outputs_);
  MoonshineTokens::Id id = MoonshineTokens::start;
  bool use_cache = false;
  float nothing = 0;
  const std::array<std::int64_t, 2> id_shape{1, 1};
  const std::array<std::int64_t, 1> flag_shape{1};
  const std::array<std::int64_t, 4> empty_shape{1, heads_, 0, head_size_};

  std::vector<Ort::Value> inputs;
  for (std::size_t i = 0; i < decoder_inputs_.size(); ++i)
    inputs.push_back(Ort::Value::CreateTensor<float>(memory_info_, &nothing, 0, empty_shape.data(), empty_shape.size()));
  inputs[ids_input_] = Ort::Value::CreateTensor<std::int64_t>(memory_info_, &id, 1, id_shape.data(), id_shape.size());
  inputs[branch_input_] = Ort::Value::CreateTensor<bool>(memory_info_, &use_cache, 1, flag_shape.data(), flag_shape.size());
  inputs[hidden_input_] = std::move(hidden);

  std::vector<MoonshineTokens::Id> decoded;
  while (static_cast<int>(decoded.size()) < tokens_max) {
    auto outputs = decoder_->Run(run_options, names_in.data(), inputs.data(), inputs.size(), names_out.data(), names_out.size());
    const float* logits = outputs[logits_output_].GetTensorData<float>();
    id = std::max_element(logits, logits + MoonshineTokens::size) - logits;
    decoded.push_back(id);
    if (id == MoonshineTokens::end) break;
    keep_cache(inputs, outputs, !use_cache);
    use_cache = true;
  }
  return decoded;
}

void MoonshineAsr::Engine::keep_cache(std::vector<Ort::Value>& inputs, std::vector<Ort::Value>& outputs, bool is_first_step) const {
  for (const CacheSlot& slot : cache_)
    if (is_first_step || !slot.of_encoder) inputs[slot.input] = std::move(outputs[slot.output]);
}

Result<std::unique_ptr<MoonshineAsr>> MoonshineAsr::load(const OnnxRuntime& runtime, WorkerPool& pool, Options options) {
  auto engine = Engine::load(runtime, std::move(options));
  if (!engine) return engine.error();
  return std::unique_ptr<MoonshineAsr>(new MoonshineAsr(pool, std::move(*engine)));
}

MoonshineAsr::MoonshineAsr(WorkerPool& pool, std::shared_ptr<const Engine> engine) : pool_(pool), engine_(std::move(engine)) {}
MoonshineAsr::~MoonshineAsr() = default;

StreamPtr MoonshineAsr::transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) {
  auto work = [engine = engine_, samples = request.samples, language = request.language]() -> Result<Transcript> {
    if (!is_language_known(language)) return Error{Errc::invalid_argument, "Moonshine recognises English only"};
    if (!samples) return Transcript{};
    auto text = engine->recognise(to_floats(*samples));
    if (!text) return text.error();
    return Transcript{.text = std::move(*text)};
  };
  return run_on_pool<Transcript>(pool_, loop, request.priority, request.deadline, std::move(work), std::move(done), std::move(request.job));
}

Result<std::string> MoonshineAsr::recognise(std::span<const float> samples) const { return engine_->recognise(samples); }
Result<std::string> MoonshineAsr::recognise(std::span<const std::int16_t> samples) const { return engine_->recognise(to_floats(samples)); }

std::size_t quietest_cut(std::span<const float> samples, std::size_t piece_samples) {
  std::size_t best = piece_samples;
  double best_energy = -1;
  for (std::size_t at = piece_samples * 2 / 3; at + quiet_window_samples <= piece_samples; at += quiet_window_samples / 2) {
    double energy = 0;
    for (std::size_t i = at; i < at + quiet_window_samples; ++i)
      energy += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
    if (best_energy >= 0 && energy >= best_energy) continue;
    best_energy = energy;
    best = at + quiet_window_samples / 2;
  }
  return best;
}

}  // namespace repartee::pipeline
