#include "pipeline/providers/flite.hpp"

#include <algorithm>

#include "pipeline/flite_utterance.hpp"
#include "pipeline/providers/tts_call.hpp"
#include "pipeline/visemes.hpp"

extern "C" {
#include <flite/cst_synth.h>
#include <flite/flite.h>
}

namespace repartee::pipeline {
namespace {

constexpr int callback_samples_min = flite_rate_hz / 50;

// Where each written word lies in the utterance's audio, from the segments of flite's words. `stretch` corrects voices whose audio comes
// out longer or shorter than their segments say.
std::vector<SpeechAssembler::WordSpan> word_spans(const FliteUtterance& utterance, std::size_t words, double stretch) {
  std::vector<SpeechAssembler::WordSpan> spans(words);
  auto samples = [&](double seconds) { return static_cast<std::size_t>(std::max(0.0, seconds * stretch * flite_rate_hz)); };
  for (const FliteUtterance::Word& word : utterance.words()) {
    const cst_item* syllables = item_as(word.item, "SylStructure");
    const cst_item* first = syllables ? item_daughter(item_daughter(syllables)) : nullptr;
    const cst_item* last = syllables ? item_last_daughter(item_last_daughter(syllables)) : nullptr;
    if (!first || !last || word.written >= words) continue;
    const cst_item* before = item_prev(item_as(first, "Segment"));
    SpeechAssembler::WordSpan& span = spans[word.written];
    if (!span.said) span.begin = before ? samples(item_feat_float(before, "end")) : 0;
    span.end = std::max(span.begin, samples(item_feat_float(last, "end")));
    span.said = true;
    for (const cst_item* sound = item_as(first, "Segment"); sound; sound = item_next(sound)) {
      const cst_item* previous = item_prev(sound);
      if (const auto viseme = viseme_of_arpabet(item_name(sound)))
        span.shapes.push_back({*viseme, previous ? samples(item_feat_float(previous, "end")) : 0});
      if (item_equal(sound, item_as(last, "Segment"))) break;
    }
  }
  return spans;
}

// What the audio callback sees of the piece being spoken.
struct Speaking {
  TtsCall& call;
  SpeechAssembler& assembler;
  const FliteUtterance& utterance;
  std::size_t words;
  bool placed = false;
};

int on_audio(const cst_wave* wave, int start, int size, int /*last*/, cst_audio_streaming_info* info) {
  auto& speaking = *static_cast<Speaking*>(info->userdata);
  if (speaking.call.cancelled()) return CST_AUDIO_STREAM_STOP;
  if (!speaking.placed) {
    speaking.assembler.place_words(word_spans(speaking.utterance, speaking.words, 1.0));
    speaking.placed = true;
  }
  if (size > 0) speaking.assembler.append({wave->samples + start, static_cast<std::size_t>(size)});
  return CST_AUDIO_STREAM_CONT;
}

// Voices that do not stream: the times are corrected by the length of the finished audio.
int on_audio_of_others(const cst_wave* /*wave*/, int /*start*/, int /*size*/, int /*last*/, cst_audio_streaming_info* info) {
  return static_cast<Speaking*>(info->userdata)->call.cancelled() ? CST_AUDIO_STREAM_STOP : CST_AUDIO_STREAM_CONT;
}

void append_whole(Speaking& speaking) {
  const cst_wave* wave = utt_wave(speaking.utterance.get());
  const cst_item* last = relation_tail(utt_relation(speaking.utterance.get(), "Segment"));
  if (!wave || wave->num_samples <= 0 || !last) return;
  const double said_seconds = item_feat_float(last, "end");
  const double stretch = said_seconds > 0 ? wave->num_samples / (said_seconds * flite_rate_hz) : 1.0;
  speaking.assembler.place_words(word_spans(speaking.utterance, speaking.words, stretch));
  speaking.assembler.append({wave->samples, static_cast<std::size_t>(wave->num_samples)});
}

Status speak(const FliteVoice& voice, const SpeechPiece& piece, double speed, TtsCall& call, SpeechAssembler& assembler) {
  assembler.begin_piece(piece);
  if (!piece.silent()) {
    const FliteUtterance utterance(voice, piece);
    Speaking speaking{call, assembler, utterance, piece.words.size()};
    cst_audio_streaming_info* info = new_audio_streaming_info();  // the utterance's features own it
    info->asc = voice.streams ? on_audio : on_audio_of_others;
    info->min_buffsize = callback_samples_min;
    info->userdata = &speaking;
    feat_set(utterance.get()->features, "streaming_info", audio_streaming_info_val(info));
    feat_set_float(utterance.get()->features, "duration_stretch", static_cast<float>(1.0 / speed));
    if (!utt_synth(utterance.get())) return Error{Errc::internal, "flite could not speak this text"};
    if (!voice.streams && !call.cancelled()) append_whole(speaking);
  }
  assembler.end_piece();
  return {};
}

}  // namespace

FliteTts::FliteTts(Options options, WorkerPool& pool) : options_(std::make_shared<const Options>(std::move(options))), pool_(pool) {}

Result<std::unique_ptr<FliteTts>> FliteTts::load(WorkerPool& pool, Options options) {
  if (options.voices.empty()) return Error{Errc::invalid_argument, "flite needs at least one voice"};
  for (const std::string& id : options.voices) {
    const FliteVoice* voice = flite_voice(id);
    if (voice) continue;
    std::string known;
    for (std::string_view other : flite_voice_ids()) known += " " + std::string(other);
    return Error{Errc::invalid_argument, "flite has no voice '" + id + "'; it has" + known};
  }
  return std::unique_ptr<FliteTts>(new FliteTts(std::move(options), pool));
}

int FliteTts::rate_hz() const { return flite_rate_hz; }

std::vector<VoiceInfo> FliteTts::voices() const {
  std::vector<VoiceInfo> infos;
  for (const std::string& id : options_->voices) infos.push_back({"flite", id, std::string(flite_voice(id)->description)});
  return infos;
}

StreamPtr FliteTts::synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) {
  const std::string& id = request.voice.empty() ? options_->voices.front() : request.voice;
  if (std::find(options_->voices.begin(), options_->voices.end(), id) == options_->voices.end())
    return refuse_tts_call(loop, std::move(callbacks), {Errc::invalid_argument, "flite has no voice '" + id + "'"});
  if (request.text.size() > options_->text.text_bytes_max)
    return refuse_tts_call(loop, std::move(callbacks), {Errc::invalid_argument, "the text is longer than one request may be"});
  const FliteVoice* voice = flite_voice(id);
  auto work = [options = options_, voice, text = std::move(request.text), speed = speaking_speed(request.speed)](TtsCall& call) -> Status {
    SpeechAssembler assembler(flite_rate_hz, options->audio, [&call](SpeechChunk chunk) { call.chunk(std::move(chunk)); });
    for (const SpeechPiece& piece : split_for_speech(text, options->text)) {
      if (call.cancelled()) return Error{Errc::cancelled, "cancelled"};
      if (auto spoken = speak(*voice, piece, speed, call, assembler); !spoken) return spoken;
    }
    assembler.finish();
    return {};
  };
  return start_tts_call(pool_, loop, {request.priority, request.deadline, std::move(request.job)}, std::move(callbacks), std::move(work));
}

}  // namespace repartee::pipeline
