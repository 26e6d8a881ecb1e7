#include "pipeline/providers/kokoro.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "pipeline/kokoro_model.hpp"
#include "pipeline/providers/tts_call.hpp"
#include "pipeline/visemes.hpp"

namespace repartee::pipeline {
namespace {

constexpr int kokoro_rate_hz = 24'000;
constexpr std::size_t model_symbols_max = 510;
constexpr std::size_t style_rows = 510;
constexpr std::size_t style_floats = 256;
constexpr std::size_t tokenizer_bytes_max = 1 << 20;

using Style = std::vector<float>;  // a voice file: style_rows x style_floats
using SymbolIds = std::unordered_map<char32_t, std::int64_t>;

Error fetch_advice(Errc code, const std::string& what) { return {code, what + ": run `repartee models fetch`"}; }

std::optional<char32_t> single_code_point(const std::string& utf8) {
  const auto lead = static_cast<unsigned char>(utf8.empty() ? 0 : utf8[0]);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (utf8.size() != length) return std::nullopt;
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3F);
  return code;
}

// The published tokenizer.json: model.vocab maps one character each to its id.
Result<SymbolIds> read_symbol_ids(const std::filesystem::path& path) {
  if (auto there = require_model_file(path); !there) return there.error();
  std::ifstream file(path, std::ios::binary);
  std::string text(tokenizer_bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  SymbolIds ids;
  if (json.is_object() && json.contains("model") && json["model"].is_object() && json["model"].contains("vocab")) {
    for (const auto& [symbol, id] : json["model"]["vocab"].items()) {
      const auto code = single_code_point(symbol);
      if (code && id.is_number_integer()) ids[*code] = id.get<std::int64_t>();
    }
  }
  if (!ids.contains(U' ') || !ids.contains(U'ə')) return fetch_advice(Errc::data_corrupt, path.string() + " is not Kokoro's tokenizer");
  return ids;
}

// English voices only, af_heart and the like: language, sex, name.
std::optional<std::string> describe(const std::string& id) {
  if (id.size() < 4 || id[2] != '_' || (id[0] != 'a' && id[0] != 'b') || (id[1] != 'f' && id[1] != 'm')) return std::nullopt;
  return std::string(id[0] == 'a' ? "American" : "British") + " English, " + (id[1] == 'f' ? "female" : "male");
}

std::vector<VoiceInfo> list_voices(const std::filesystem::path& directory) {
  std::vector<VoiceInfo> voices;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string id = entry.path().stem().string();
    if (entry.path().extension() != ".bin") continue;
    if (auto description = describe(id)) voices.push_back({"kokoro", id, std::move(*description)});
  }
  std::sort(voices.begin(), voices.end(), [](const VoiceInfo& a, const VoiceInfo& b) { return a.id < b.id; });
  return voices;
}

struct Spoken {
  Samples samples;
  std::vector<SpeechAssembler::WordSpan> words;
};

std::int16_t to_sample(float value) {
  if (!std::isfinite(value)) return 0;
  return static_cast<std::int16_t>(std::lround(std::clamp(value, -1.0F, 1.0F) * 32767.0F));
}

// `lengths` has one entry for each id, the zeros around the symbols included: symbol i is entry i + 1.
std::vector<SpeechAssembler::WordSpan> word_spans(const Phonemes& phonemes, std::span<const float> lengths, std::size_t samples) {
  std::vector<double> until(lengths.size() + 1, 0.0);
  std::partial_sum(lengths.begin(), lengths.end(), until.begin() + 1,
                   [](double sum, double length) { return sum + std::max(0.0, length); });
  const double per_frame = until.back() > 0 ? static_cast<double>(samples) / until.back() : 0.0;
  auto at = [&](std::size_t symbol) { return static_cast<std::size_t>(until[std::min(symbol + 1, until.size() - 1)] * per_frame); };
  std::vector<SpeechAssembler::WordSpan> spans;
  for (const Phonemes::Span& word : phonemes.words) {
    const bool said = word.end > word.begin;
    spans.push_back({said ? at(word.begin) : 0, said ? at(word.end) : 0, said});
    for (std::size_t symbol = word.begin; symbol < std::min(word.end, phonemes.symbols.size()); ++symbol)
      if (const auto viseme = viseme_of_symbol(phonemes.symbols[symbol])) spans.back().shapes.push_back({*viseme, at(symbol)});
  }
  return spans;
}

// Two halves of a piece whose symbols do not fit one run.
std::pair<SpeechPiece, SpeechPiece> halves(const SpeechPiece& piece) {
  const auto middle = piece.words.begin() + static_cast<std::ptrdiff_t>(piece.words.size() / 2);
  return {SpeechPiece{{piece.words.begin(), middle}, false}, SpeechPiece{{middle, piece.words.end()}, piece.ends_sentence}};
}

}  // namespace

class KokoroTts::Engine {
 public:
  Engine(Options given, PhonemeFrontEnd front_end, SymbolIds ids, std::vector<VoiceInfo> found, std::shared_ptr<Ort::Session> session)
      : options(std::move(given)),
        voices(std::move(found)),
        front_end_(std::move(front_end)),
        ids_(std::move(ids)),
        session_(std::move(session)) {}

  bool has_voice(const std::string& id) const {
    return std::any_of(voices.begin(), voices.end(), [&](const VoiceInfo& voice) { return voice.id == id; });
  }
  Result<std::shared_ptr<const Style>> style(const std::string& id);
  Status speak(const SpeechPiece& piece, const Style& style, double speed, TtsCall& call, SpeechAssembler& assembler) const;

  const Options options;
  const std::vector<VoiceInfo> voices;

 private:
  Result<Spoken> run(const Phonemes& phonemes, const Style& style, double speed, TtsCall& call) const;

  const PhonemeFrontEnd front_end_;
  const SymbolIds ids_;
  const std::shared_ptr<Ort::Session> session_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Style>> styles_;  // guarded by mutex_; half a megabyte each, at most one for each voice file
};

Result<std::shared_ptr<const Style>> KokoroTts::Engine::style(const std::string& id) {
  std::lock_guard lock(mutex_);
  auto& slot = styles_[id];
  if (slot) return slot;
  const std::filesystem::path path = options.models_dir / kokoro_folder / "voices" / (id + ".bin");
  auto floats = std::make_shared<Style>(style_rows * style_floats);
  const auto bytes = static_cast<std::streamsize>(floats->size() * sizeof(float));
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(floats->data()), bytes) || file.peek() != std::ifstream::traits_type::eof())
    return fetch_advice(Errc::data_corrupt, path.string() + " is not a Kokoro voice");
  slot = std::move(floats);
  return slot;
}

Result<Spoken> KokoroTts::Engine::run(const Phonemes& phonemes, const Style& style, double speed, TtsCall& call) const {
  std::vector<std::int64_t> ids(phonemes.symbols.size() + 2, 0);
  for (std::size_t i = 0; i < phonemes.symbols.size(); ++i) {
    const auto id = ids_.find(phonemes.symbols[i]);
    ids[i + 1] = id != ids_.end() ? id->second : ids_.at(U' ');
  }
  std::array<float, style_floats> row{};
  const std::size_t row_index = std::min(phonemes.symbols.size(), style_rows - 1);
  std::copy_n(style.begin() + static_cast<std::ptrdiff_t>(row_index * style_floats), style_floats, row.begin());
  float rate = static_cast<float>(speed);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const std::array<std::int64_t, 2> ids_shape = {1, static_cast<std::int64_t>(ids.size())};
  const std::array<std::int64_t, 2> style_shape = {1, static_cast<std::int64_t>(style_floats)};
  const std::array<std::int64_t, 1> speed_shape = {1};
  std::array<Ort::Value, 3> inputs = {
      Ort::Value::CreateTensor<std::int64_t>(memory, ids.data(), ids.size(), ids_shape.data(), ids_shape.size()),
      Ort::Value::CreateTensor<float>(memory, row.data(), row.size(), style_shape.data(), style_shape.size()),
      Ort::Value::CreateTensor<float>(memory, &rate, 1, speed_shape.data(), speed_shape.size())};
  constexpr std::array<const char*, 3> input_names = {"input_ids", "style", "speed"};
  constexpr std::array<const char*, 2> output_names = {"waveform", kokoro_durations_output};

  Ort::RunOptions run_options;
  run_options.SetRunLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);  // being terminated is no error worth a line
  std::vector<Ort::Value> outputs;
  call.on_cancel([&run_options] { run_options.SetTerminate(); });
  try {
    outputs = session_->Run(run_options, input_names.data(), inputs.data(), inputs.size(), output_names.data(), output_names.size());
  } catch (const Ort::Exception& failure) {
    call.on_cancel({});
    if (call.cancelled()) return Error{Errc::cancelled, "cancelled"};
    return Error{Errc::internal, std::string("Kokoro cannot run: ") + failure.what()};
  }
  call.on_cancel({});
  const std::span<const float> wave(outputs[0].GetTensorData<float>(), outputs[0].GetTensorTypeAndShapeInfo().GetElementCount());
  const std::span<const float> lengths(outputs[1].GetTensorData<float>(), outputs[1].GetTensorTypeAndShapeInfo().GetElementCount());
  Spoken spoken;
  spoken.samples.reserve(wave.size());
  std::transform(wave.begin(), wave.end(), std::back_inserter(spoken.samples), to_sample);
  spoken.words = word_spans(phonemes, lengths, wave.size());
  const std::size_t sound_end = SpeechAssembler::sound_end(spoken.samples, options.audio);
  // The last sound's length takes in the silence after it.
  for (SpeechAssembler::WordSpan& word : spoken.words) word.end = std::min(word.end, sound_end);
  return spoken;
}

Status KokoroTts::Engine::speak(const SpeechPiece& piece, const Style& style, double speed, TtsCall& call,
                                SpeechAssembler& assembler) const {
  if (call.cancelled()) return Error{Errc::cancelled, "cancelled"};
  Phonemes phonemes = front_end_.phonemes(piece);
  if (phonemes.symbols.size() > options.run_symbols_max && piece.words.size() > 1) {
    const auto [first, second] = halves(piece);
    if (auto spoken = speak(first, style, speed, call, assembler); !spoken) return spoken;
    return speak(second, style, speed, call, assembler);
  }
  assembler.begin_piece(piece);
  if (!phonemes.symbols.empty()) {
    phonemes.symbols.resize(std::min(phonemes.symbols.size(), options.run_symbols_max));  // one word of too many sounds loses its end
    auto spoken = run(phonemes, style, speed, call);
    if (!spoken) return spoken.error();
    assembler.place_words(std::move(spoken->words));
    assembler.append(spoken->samples);
  }
  assembler.end_piece();
  assembler.finish();
  return {};
}

KokoroTts::KokoroTts(std::shared_ptr<Engine> engine, WorkerPool& pool) : engine_(std::move(engine)), pool_(pool) {}
KokoroTts::~KokoroTts() = default;

Result<std::unique_ptr<KokoroTts>> KokoroTts::load(const OnnxRuntime& runtime, WorkerPool& pool, Options options) {
  if (options.run_symbols_max == 0 || options.run_symbols_max > model_symbols_max)
    return Error{Errc::invalid_argument, "Kokoro takes at most " + std::to_string(model_symbols_max) + " symbols a run"};
  const std::filesystem::path directory = options.models_dir / kokoro_folder;
  const std::filesystem::path model = directory / kokoro_prepared_file;
  auto front_end = PhonemeFrontEnd::load(options.lexicon);
  if (!front_end) return front_end.error();
  auto ids = read_symbol_ids(directory / "tokenizer.json");
  if (!ids) return ids.error();
  auto voices = list_voices(directory / "voices");
  auto session = runtime.open(model);
  if (!session) return session.error();
  if ((*session)->GetInputCount() != 3 || (*session)->GetOutputCount() != 2)
    return fetch_advice(Errc::data_corrupt, model.string() + " is not the prepared model");
  auto engine =
      std::make_shared<Engine>(std::move(options), std::move(*front_end), std::move(*ids), std::move(voices), std::move(*session));
  if (!engine->has_voice(engine->options.default_voice))
    return fetch_advice(Errc::not_found, (directory / "voices").string() + " has no voice '" + engine->options.default_voice + "'");
  if (auto style = engine->style(engine->options.default_voice); !style) return style.error();
  return std::unique_ptr<KokoroTts>(new KokoroTts(std::move(engine), pool));
}

int KokoroTts::rate_hz() const { return kokoro_rate_hz; }
std::vector<VoiceInfo> KokoroTts::voices() const { return engine_->voices; }

StreamPtr KokoroTts::synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) {
  std::string id = request.voice.empty() ? engine_->options.default_voice : std::move(request.voice);
  if (!engine_->has_voice(id))
    return refuse_tts_call(loop, std::move(callbacks), {Errc::invalid_argument, "Kokoro has no voice '" + id + "'"});
  if (request.text.size() > engine_->options.text.text_bytes_max)
    return refuse_tts_call(loop, std::move(callbacks), {Errc::invalid_argument, "the text is longer than one request may be"});
  auto work = [engine = engine_, id = std::move(id), text = std::move(request.text),
               speed = speaking_speed(request.speed)](TtsCall& call) -> Status {
    const auto style = engine->style(id);
    if (!style) return style.error();
    SpeechAssembler assembler(kokoro_rate_hz, engine->options.audio, [&call](SpeechChunk chunk) { call.chunk(std::move(chunk)); });
    for (const SpeechPiece& piece : split_for_speech(text, engine->options.text))
      if (auto spoken = engine->speak(piece, **style, speed, call, assembler); !spoken) return spoken;
    assembler.finish();
    return {};
  };
  return start_tts_call(pool_, loop, {request.priority, request.deadline, std::move(request.job)}, std::move(callbacks), std::move(work));
}

}  // namespace repartee::pipeline
