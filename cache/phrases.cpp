#include "cache/phrases.hpp"

namespace repartee::cache {
namespace {

Kind kind_of(pipeline::PhraseKind kind) {
  switch (kind) {
    case pipeline::PhraseKind::audio: return Kind::tts_audio;
    case pipeline::PhraseKind::answer: return Kind::llm_response;
    case pipeline::PhraseKind::embedding: return Kind::embedding;
    case pipeline::PhraseKind::retrieval: return Kind::vector_search;
    case pipeline::PhraseKind::packets: return Kind::packets;
  }
  return Kind::llm_response;
}

}  // namespace

std::string Phrases::name_of(const pipeline::PhraseKey& key) const {
  return make_key(policy_of(cache_.policies(), kind_of(key.kind)), key.owner, key.scope, digest_of(key.material));
}

pipeline::PhraseBytes Phrases::find_now(const pipeline::PhraseKey& key, TimePoint now) {
  const Kind kind = kind_of(key.kind);
  const auto name = name_of(key);
  const auto hit = cache_.peek(kind, name, now);
  if (!hit) return nullptr;
  // The same text in the same voice sounds the same tomorrow: what is still said often stays. An answer is asked for anew in its time.
  // So do a text's vectors, and a phrase's packets.
  const bool lasting = kind == Kind::tts_audio || kind == Kind::embedding || kind == Kind::packets;
  if (hit->wants_refresh && lasting) cache_.put(kind, name, hit->value, now);
  return hit->value;
}

StreamPtr Phrases::find_later(Loop& loop, const pipeline::PhraseKey& key, std::function<void(pipeline::PhraseBytes)> done) {
  return cache_.ask(loop, kind_of(key.kind), name_of(key), std::move(done));
}

void Phrases::put(const pipeline::PhraseKey& key, std::string bytes, TimePoint now) {
  cache_.put(kind_of(key.kind), name_of(key), std::make_shared<const std::string>(std::move(bytes)), now);
}

}  // namespace repartee::cache
