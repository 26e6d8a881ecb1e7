#include "pipeline/flite_utterance.hpp"

#include <array>
#include <mutex>

extern "C" {
#include <flite/cst_synth.h>
#include <flite/flite.h>
cst_voice* register_cmu_us_awb(const char* voxdir);
cst_voice* register_cmu_us_kal16(const char* voxdir);
cst_voice* register_cmu_us_rms(const char* voxdir);
cst_voice* register_cmu_us_slt(const char* voxdir);
}

namespace repartee::pipeline {
namespace {

struct Registration {
  FliteVoice info;
  cst_voice* (*make)(const char*);
};

// flite's own table of voices is global, so its guard is.
std::mutex registering;
std::array<Registration, 4> registrations = {{
    {{"slt", "American English, female", true, nullptr}, register_cmu_us_slt},
    {{"rms", "American English, male", true, nullptr}, register_cmu_us_rms},
    {{"awb", "Scottish English, male", true, nullptr}, register_cmu_us_awb},
    {{"kal16", "American English, male, synthetic", false, nullptr}, register_cmu_us_kal16},
}};

void pin(cst_features* features) {
  for (cst_featvalpair* pair = features->head; pair; pair = pair->next)
    if (!cst_val_consp(pair->val)) CST_VAL_REFCOUNT(pair->val) = -1;
}

}  // namespace

std::vector<std::string_view> flite_voice_ids() {
  std::vector<std::string_view> ids;
  for (const Registration& entry : registrations) ids.push_back(entry.info.id);
  return ids;
}

const FliteVoice* flite_voice(std::string_view id) {
  std::lock_guard lock(registering);
  for (Registration& entry : registrations) {
    if (entry.info.id != id) continue;
    if (!entry.info.voice) {
      flite_init();
      cst_voice* voice = entry.make(nullptr);
      pin(voice->features);
      pin(voice->ffunctions);
      entry.info.voice = voice;
    }
    return &entry.info;
  }
  return nullptr;
}

FliteUtterance::FliteUtterance(const FliteVoice& voice, const SpeechPiece& piece) : utterance_(new_utterance()) {
  utt_set_input_text(utterance_, piece.text(&word_ends_).c_str());
  utt_init(utterance_, voice.voice);
}

FliteUtterance::~FliteUtterance() { delete_utterance(utterance_); }

std::vector<FliteUtterance::Word> FliteUtterance::words() const {
  std::vector<Word> words;
  if (!utt_relation_present(utterance_, "Token")) return words;
  std::size_t written = 0;
  for (const cst_item* token = relation_head(utt_relation(utterance_, "Token")); token; token = item_next(token)) {
    // file_pos is one past the token's last character, the blank after it included.
    const auto token_end = static_cast<std::size_t>(item_feat_present(token, "file_pos") ? item_feat_int(token, "file_pos") : 0);
    while (written + 1 < word_ends_.size() && word_ends_[written] + 1 < token_end) ++written;
    for (const cst_item* word = item_daughter(token); word; word = item_next(word)) {
      const bool last = item_next(word) == nullptr && item_feat_present(token, "punc");
      words.push_back({written, item_as(word, "Word"), item_name(word), last ? item_feat_string(token, "punc") : ""});
    }
  }
  return words;
}

}  // namespace repartee::pipeline
