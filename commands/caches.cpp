#include "commands/caches.hpp"

#include "commands/database.hpp"
#include "core/ids.hpp"
#include "pipeline/phrase_bytes.hpp"
#include "pipeline/providers/cached_llm.hpp"
#include "pipeline/providers/cached_tts.hpp"

namespace repartee::commands {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::string_view clone_prefix = "clone:";

cache::Policies policies(const config::Settings& settings) {
  auto policies = cache::default_policies();
  auto& audio = policies[static_cast<std::size_t>(cache::Kind::tts_audio)];
  audio.pack = pipeline::pack_phrase;
  audio.unpack = pipeline::unpack_phrase;
  // What costs a millisecond to make anew is not worth a row.
  if (settings.embeddings.provider != "openai") policies[static_cast<std::size_t>(cache::Kind::embedding)].second = cache::SecondTierUse::never;
  return policies;
}

// `prefix`: of what is no longer so in the caches; empty: of anything.
void forget_changed(persistence::StoredCloneDirectory& clones, std::string_view prefix) {
  if (prefix.starts_with(clone_prefix) && prefix.size() > clone_prefix.size())
    clones.forget(std::string(prefix.substr(clone_prefix.size())));
  else if (prefix.empty() || prefix == clone_prefix) clones.forget_all();
}

// What a provider's sound depends on besides the request.
std::string sound_of(const std::string& provider, const config::Settings& settings) {
  std::string text = REPARTEE_VERSION;
  if (provider == "openai") text += ' ' + settings.tts.openai.base_url + ' ' + settings.tts.openai.model + ' ' + settings.tts.openai.voice;
  else if (provider == settings.tts.provider) text += ' ' + settings.tts.voice;
  return text;
}

}  // namespace

Result<std::unique_ptr<Caches>> Caches::make(const config::Settings& settings, const Engines& engines, persistence::Store& store,
                                             std::shared_ptr<const persistence::SealingKeys> keys, Metrics& metrics) {
  std::unique_ptr<Caches> caches(new Caches);
  auto blobs = cache::DirectoryBlobStore::open({.root = blob_dir(settings), .keys = std::move(keys)}, metrics);
  if (!blobs) return blobs.error();
  caches->blobs_ = std::move(blobs).value();
  caches->llms_ = engines.llms();
  caches->voices_ = engines.voices();
  if (!settings.cache.enabled) {
    caches->follow_clones(store, metrics);
    return caches;
  }
  caches->make_tiers(settings, store, metrics);
  if (settings.cache.phrase_audio) caches->remember_speech(settings, metrics);
  if (settings.cache.llm_answers) caches->remember_answers(settings);
  return caches;
}

// Live conversations hear of changed clones, cache or not.
void Caches::follow_clones(persistence::Store& store, Metrics& metrics) {
  auto& clones = store.clones();
  clone_changes_ = std::make_unique<persistence::NotificationListener>(
      store.targets().app, persistence::NotificationListener::Options{.channels = {"repartee_cache"}},
      persistence::NotificationListener::Callbacks{.on_notification =
                                                       [&clones](std::string_view, std::string_view payload) {  // "<node> <prefix>"
                                                         if (const auto space = payload.find(' '); space != std::string_view::npos)
                                                           forget_changed(clones, payload.substr(space + 1));
                                                       },
                                                   .on_listening =
                                                       [&clones](bool again) {
                                                         if (again) clones.forget_all();
                                                       }},
      metrics);
}

void Caches::make_tiers(const config::Settings& settings, persistence::Store& store, Metrics& metrics) {
  const cache::L2::Options second{.node = new_id("node")};
  database_ = std::make_unique<persistence::Database>(store.targets().app, cache::cache_database_options(second), metrics);
  l2_ = std::make_unique<cache::L2>(*database_, policies(settings), second, metrics);
  cache::TieredCache::Options options;
  options.l1.bytes_max = static_cast<std::size_t>(settings.cache.l1_mb) * mebibyte;
  options.policies = policies(settings);
  tiers_ = std::make_unique<cache::TieredCache>(std::move(options), l2_.get(), metrics);
  tiers_->warm(SteadyClock::now());
  phrases_ = std::make_unique<cache::Phrases>(*tiers_);
  events_ = std::make_unique<cache::CacheEvents>(
      store.targets().app, *tiers_, [&clones = store.clones()](std::string_view prefix) { forget_changed(clones, prefix); },
      cache::CacheEvents::Options{.node = second.node, .listener = {}}, metrics);
}

void Caches::remember_speech(const config::Settings& settings, Metrics& metrics) {
  for (auto& [name, voice] : voices_) {
    own_voices_.push_back(
        std::make_unique<pipeline::CachedTts>(*voice, *phrases_, pipeline::CachedTts::Options{.settings = sound_of(name, settings)}, metrics));
    voice = own_voices_.back().get();
  }
}

void Caches::remember_answers(const config::Settings& settings) {
  for (auto& [name, llm] : llms_) {
    if (name == "local") continue;  // cheaper than a look-up
    pipeline::CachedLlm::Options options;
    if (name == "openai") {
      options.model = settings.llm.openai.model;
      options.settings = settings.llm.openai.base_url + ' ' + std::to_string(settings.llm.openai.temperature);
    }
    own_llms_.push_back(std::make_unique<pipeline::CachedLlm>(*llm, *phrases_, std::move(options)));
    llm = own_llms_.back().get();
  }
}

}  // namespace repartee::commands
