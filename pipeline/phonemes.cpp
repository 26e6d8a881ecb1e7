#include "pipeline/phonemes.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

#include "pipeline/flite_utterance.hpp"

extern "C" {
#include <flite/flite.h>
cst_utterance* utt_synth_text2segs(cst_utterance* utterance);
}

namespace repartee::pipeline {
namespace {

constexpr std::string_view front_end_voice = "slt";
constexpr char32_t stress_mark = U'\u02C8';

struct Sound {
  std::string_view arpabet;
  std::u32string_view symbols;           // unstressed
  std::u32string_view stressed_symbols;  // empty: the same
};

constexpr std::array<Sound, 40> sounds = {{
    {"aa", U"ɑ", {}}, {"ae", U"æ", {}}, {"ah", U"ə", U"ʌ"}, {"ao", U"ɔ", {}}, {"aw", U"W", {}}, {"ax", U"ə", {}},     {"ay", U"I", {}},
    {"b", U"b", {}},  {"ch", U"ʧ", {}}, {"d", U"d", {}},    {"dh", U"ð", {}}, {"eh", U"ɛ", {}}, {"er", U"əɹ", U"ɜɹ"}, {"ey", U"A", {}},
    {"f", U"f", {}},  {"g", U"ɡ", {}},  {"hh", U"h", {}},   {"ih", U"ɪ", {}}, {"iy", U"i", {}}, {"jh", U"ʤ", {}},     {"k", U"k", {}},
    {"l", U"l", {}},  {"m", U"m", {}},  {"n", U"n", {}},    {"ng", U"ŋ", {}}, {"ow", U"O", {}}, {"oy", U"Y", {}},     {"p", U"p", {}},
    {"r", U"ɹ", {}},  {"s", U"s", {}},  {"sh", U"ʃ", {}},   {"t", U"t", {}},  {"th", U"θ", {}}, {"uh", U"ʊ", {}},     {"uw", U"u", {}},
    {"v", U"v", {}},  {"w", U"w", {}},  {"y", U"j", {}},    {"z", U"z", {}},  {"zh", U"ʒ", {}},
}};

// Words flite calls content that English does not stress in running speech.
constexpr std::array<std::string_view, 36> weak_words = {
    "i",   "im",  "ive", "ill",   "id", "you", "youre", "he",  "she",  "it", "we",   "they", "me",  "him", "us", "them", "my", "your",
    "his", "its", "our", "their", "is", "am",  "are",   "was", "were", "be", "been", "has",  "had", "a",   "an", "the",  "as", "than"};

bool is_weak(std::string_view name) { return std::find(weak_words.begin(), weak_words.end(), name) != weak_words.end(); }
bool is_vowel(std::string_view arpabet) { return std::string_view("aeiou").find(arpabet[0]) != std::string_view::npos; }

// `full`: the vowel keeps its full quality ("but", "up"), whether it is marked as stressed or not.
bool append_sound(std::u32string& out, std::string_view arpabet, bool full, bool marked) {
  const auto sound = std::find_if(sounds.begin(), sounds.end(), [&](const Sound& s) { return s.arpabet == arpabet; });
  if (sound == sounds.end()) return false;
  if (marked && is_vowel(arpabet)) out += stress_mark;
  out += full && !sound->stressed_symbols.empty() ? sound->stressed_symbols : sound->symbols;
  return true;
}

std::optional<std::u32string> from_arpabet(const std::string& text) {
  std::u32string out;
  std::istringstream parts(text);
  for (std::string part; parts >> part;) {
    const bool stressed = part.back() == '1';
    if (part.back() >= '0' && part.back() <= '2') part.pop_back();
    if (part.empty() || !append_sound(out, part, stressed, stressed)) return std::nullopt;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

bool may_be_stressed(const FliteUtterance::Word& word) {
  return std::string_view(ffeature_string(word.item, "gpos")) == "content" && !is_weak(word.name);
}

std::u32string sounds_of(const FliteUtterance::Word& word) {
  std::u32string out;
  const bool stressable = may_be_stressed(word);
  const cst_item* word_item = item_as(word.item, "SylStructure");
  for (const cst_item* syllable = word_item ? item_daughter(word_item) : nullptr; syllable; syllable = item_next(syllable)) {
    const bool full = std::string_view(ffeature_string(syllable, "stress")) == "1";
    for (const cst_item* sound = item_daughter(syllable); sound; sound = item_next(sound))
      append_sound(out, item_name(sound), full, full && stressable);
  }
  return out;
}

// flite's "'s" is always z; English has s after a voiceless sound and a vowel more after a hiss.
std::u32string possessive_after(char32_t before) {
  if (std::u32string_view(U"szʃʒʧʤ").find(before) != std::u32string_view::npos) return U"ɪz";
  return std::u32string_view(U"ptkfθ").find(before) != std::u32string_view::npos ? U"s" : U"z";
}

}  // namespace

Result<PhonemeFrontEnd> PhonemeFrontEnd::load(const Lexicon& lexicon) {
  PhonemeFrontEnd front_end;
  for (const auto& [word, arpabet] : lexicon) {
    auto symbols = from_arpabet(arpabet);
    if (!symbols) return Error{Errc::invalid_argument, "the pronunciation of '" + word + "' is not ARPAbet: " + arpabet};
    front_end.lexicon_.emplace(word, std::move(*symbols));
  }
  return front_end;
}

Phonemes PhonemeFrontEnd::phonemes(const SpeechPiece& piece) const {
  Phonemes out;
  out.words.resize(piece.words.size());
  if (piece.silent()) return out;
  const FliteUtterance utterance(*flite_voice(front_end_voice), piece);
  if (!utt_synth_text2segs(utterance.get())) return out;
  for (const FliteUtterance::Word& word : utterance.words()) {
    const auto entry = lexicon_.find(word.name);
    std::u32string said = entry != lexicon_.end() ? entry->second : sounds_of(word);
    if (word.name == "'s" && !out.symbols.empty()) said = possessive_after(out.symbols.back());
    Phonemes::Span& span = out.words[word.written];
    if (!said.empty()) {
      const bool joined = word.name.starts_with('\'');  // "'s", "'ll": part of the word before
      if (!out.symbols.empty() && !joined) out.symbols += U' ';
      if (span.begin == span.end) span.begin = out.symbols.size();
      out.symbols += said;
      span.end = out.symbols.size();
    }
    for (char c : word.punctuation)
      if (!out.symbols.empty() && std::string_view(",.!?;:").find(c) != std::string_view::npos) out.symbols += static_cast<char32_t>(c);
  }
  return out;
}

}  // namespace repartee::pipeline
