// The caches of a server, put together as the configuration says: memory, the database's cache tables, the events between nodes, the blob
// store, and the providers that remember what they said.
// Thread contract: made and destroyed on the owner's thread, destroyed when the loops do not run any more; members as their headers say.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/blob_store.hpp"
#include "cache/events.hpp"
#include "cache/l2.hpp"
#include "cache/phrases.hpp"
#include "commands/engines.hpp"
#include "persistence/notification_listener.hpp"
#include "persistence/store.hpp"

namespace repartee::commands {

class Caches {
 public:
  // The engines and the store outlive it.
  static Result<std::unique_ptr<Caches>> make(const config::Settings& settings, const Engines& engines, persistence::Store& store,
                                              std::shared_ptr<const persistence::SealingKeys> keys, Metrics& metrics);

  // The engines' own providers where nothing is remembered.
  const std::map<std::string, pipeline::LlmProvider*>& llms() const { return llms_; }
  const std::map<std::string, pipeline::TtsProvider*>& voices() const { return voices_; }
  cache::TieredCache* tiers() { return tiers_.get(); }  // null: caching is off
  pipeline::PhraseCache* phrases() { return phrases_.get(); }   // null: caching is off
  cache::BlobStore& blobs() { return *blobs_; }

 private:
  Caches() = default;
  void follow_clones(persistence::Store& store, Metrics& metrics);
  void make_tiers(const config::Settings& settings, persistence::Store& store, Metrics& metrics);
  void remember_speech(const config::Settings& settings, Metrics& metrics);
  void remember_answers(const config::Settings& settings);

  std::unique_ptr<cache::DirectoryBlobStore> blobs_;
  std::unique_ptr<persistence::Database> database_;
  std::unique_ptr<cache::L2> l2_;
  std::unique_ptr<cache::TieredCache> tiers_;
  std::unique_ptr<cache::Phrases> phrases_;
  std::vector<std::unique_ptr<pipeline::LlmProvider>> own_llms_;
  std::vector<std::unique_ptr<pipeline::TtsProvider>> own_voices_;
  std::map<std::string, pipeline::LlmProvider*> llms_;
  std::map<std::string, pipeline::TtsProvider*> voices_;
  std::unique_ptr<persistence::NotificationListener> clone_changes_;  // where there is no cache whose events tell
  std::unique_ptr<cache::CacheEvents> events_;  // last: its thread ends first
};

}  // namespace repartee::commands
