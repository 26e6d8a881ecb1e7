#include "knowledge/index_keeper.hpp"

#include "core/ids.hpp"
#include "core/log.hpp"

namespace repartee::knowledge {
namespace {

constexpr const char* channel = "repartee_knowledge";
constexpr std::size_t build_rows_at_once = 32;

persistence::Database::Options pool_options() {
  persistence::Database::Options options;
  options.name = "knowledge_index";
  options.connections_max = 1;
  return options;
}

// FNV-1a. The documents' hashes are combined by exclusive or, so that order does not matter.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace

IndexKeeper::IndexKeeper(persistence::DatabaseTarget owner, pipeline::VectorIndex* index, Options options,
                         std::function<void(const std::string& user_id)> on_change, Metrics& metrics)
    : index_(index),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      rows_gauge_(metrics.gauge("repartee_knowledge_vectors", "Vectors in this node's index")),
      bytes_gauge_(metrics.gauge("repartee_knowledge_index_bytes", "Memory of this node's index")),
      documents_gauge_(metrics.gauge("repartee_knowledge_documents", "Documents that may be searched")),
      owner_(owner, pool_options(), metrics),
      inventory_(owner_) {
  thread_ = std::thread([this] { work(); });
  if (!options_.listen) return;
  listener_ = std::make_unique<persistence::NotificationListener>(
      owner, persistence::NotificationListener::Options{.channels = {channel}},
      persistence::NotificationListener::Callbacks{.on_notification =
                                                       [this](std::string_view, std::string_view payload) {
                                                         std::lock_guard lock(mutex_);
                                                         if (!is_uuid(payload) || changes_.size() >= options_.changes_max)
                                                           compare_wanted_ = true;
                                                         else changes_.emplace(payload);
                                                         wake_.notify_all();
                                                       },
                                                   .on_listening =
                                                       [this](bool) {
                                                         std::lock_guard lock(mutex_);
                                                         compare_wanted_ = true;
                                                         wake_.notify_all();
                                                       }},
      metrics);
}

IndexKeeper::~IndexKeeper() {
  listener_.reset();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

bool IndexKeeper::has_knowledge(const std::string& user_id, const std::string& echo_id) const {
  std::lock_guard lock(summary_mutex_);
  const auto found = summaries_.find(user_id);
  if (found == summaries_.end()) return false;
  return echo_id.empty() || found->second.documents.contains("") || found->second.documents.contains(echo_id);
}

std::string IndexKeeper::version(const std::string& user_id) const {
  std::lock_guard lock(summary_mutex_);
  const auto found = summaries_.find(user_id);
  return found == summaries_.end() ? "0" : std::to_string(found->second.version);
}

bool IndexKeeper::settled() const {
  std::lock_guard lock(mutex_);
  return !busy_ && !compare_wanted_ && changes_.empty();
}

// ---- the working thread ----

void IndexKeeper::work() {
  load();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    busy_ = true;
    if (do_next(lock)) continue;
    busy_ = false;
    wake_.wait_for(lock, options_.retry_after, [&] { return stopping_ || compare_wanted_ || !changes_.empty(); });
  }
  lock.unlock();
  save_if_due(true);
}

bool IndexKeeper::do_next(std::unique_lock<std::mutex>& lock) {
  const bool compare_all = compare_wanted_ || SteadyClock::now() - compared_at_ >= options_.compare_every;
  const std::set<std::string> changes = std::exchange(changes_, {});
  compare_wanted_ = false;
  lock.unlock();
  bool ok = !compare_all || compare();
  for (const auto& id : changes) ok = ok && (compare_all || refresh(id));
  const bool more = ok && index_ && index_->build(build_rows_at_once);
  save_if_due(false);
  if (index_) {
    rows_gauge_.set(static_cast<double>(index_->rows()));
    bytes_gauge_.set(static_cast<double>(index_->bytes()));
  }
  documents_gauge_.set(static_cast<double>(known_.size()));
  lock.lock();
  if (!ok) {  // the database is away: all is compared when it is back
    wake_.wait_for(lock, options_.retry_after, [&] { return stopping_; });
    compare_wanted_ = true;
    return true;
  }
  return more;
}

void IndexKeeper::load() {
  if (!index_ || options_.file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(options_.file.parent_path(), ignored);
  const auto loaded = index_->load(options_.file, options_.embedder);
  if (loaded) loaded_ = index_->stamps();
  else if (loaded.error().code != Errc::not_found)
    log::warn("knowledge", "the index is made anew from the database", {{"why", loaded.error().message}});
}

void IndexKeeper::save_if_due(bool now) {
  if (!changed_ || !index_ || options_.file.empty() || (!now && SteadyClock::now() - changed_at_ < options_.save_after)) return;
  changed_ = false;
  if (auto saved = index_->save(options_.file, options_.embedder); !saved)
    log::warn("knowledge", "the index is not saved", {{"why", saved.error().message}});
}

bool IndexKeeper::compare() {
  const auto documents = inventory_.all();
  if (!documents) {
    log::debug("knowledge", "the documents cannot be listed", {{"why", documents.error().message}});
    return false;
  }
  std::set<std::string> there;
  for (const auto& document : *documents) {
    there.insert(document.id);
    if (!take(document)) return false;
  }
  std::set<std::string> gone;
  for (const auto& [id, known] : known_)
    if (!there.contains(id)) gone.insert(id);
  for (const auto& id : gone) forget(id);
  for (const auto& [id, stamp] : std::exchange(loaded_, {}))
    if (!there.contains(id)) forget(id);
  compared_at_ = SteadyClock::now();
  return true;
}

bool IndexKeeper::refresh(const std::string& document_id) {
  const auto document = inventory_.find(document_id);
  if (!document) return false;
  if (*document) return take(**document);
  forget(document_id);
  return true;
}

// What is known with this stamp needs no second look.
bool IndexKeeper::take(const persistence::KnowledgeInventory::Document& document) {
  const auto known = known_.find(document.id);
  if (known != known_.end() && known->second.stamp == document.stamp) return true;
  const auto loaded = loaded_.find(document.id);
  const bool in_index = loaded != loaded_.end() && loaded->second == document.stamp;
  if (index_ && !in_index) {
    if (document.embedder == options_.embedder) {
      auto vectors = inventory_.vectors(document.id);
      if (!vectors) return false;
      pipeline::VectorIndex::Document made{document.user_id, document.id, document.echo_id, document.stamp, {}};
      for (auto& vector : *vectors) made.chunks.push_back({vector.ordinal, std::move(vector.values)});
      if (auto put = index_->put(std::move(made)); !put) log::warn("knowledge", put.error().message, {});
    } else {
      index_->remove(document.id);  // another embedder's, until it is embedded anew
    }
    if (!changed_) changed_at_ = SteadyClock::now();
    changed_ = true;
  }
  if (loaded != loaded_.end()) loaded_.erase(loaded);
  note(document.id, {document.user_id, document.echo_id, document.stamp});
  return true;
}

void IndexKeeper::forget(const std::string& document_id) {
  if (!known_.contains(document_id) && (!index_ || !index_->has(document_id))) return;
  if (index_) index_->remove(document_id);
  if (!changed_) changed_at_ = SteadyClock::now();
  changed_ = true;
  note(document_id, {});
}

// known.user_id empty: the document is gone.
void IndexKeeper::note(const std::string& document_id, Known known) {
  const auto before = known_.find(document_id);
  std::set<std::string> users;
  {
    std::lock_guard lock(summary_mutex_);
    if (before != known_.end()) {
      users.insert(before->second.user_id);
      Summary& summary = summaries_[before->second.user_id];
      summary.version ^= hash_of(document_id + before->second.stamp);
      if (--summary.documents[before->second.echo_id] == 0) summary.documents.erase(before->second.echo_id);
      if (summary.documents.empty()) summaries_.erase(before->second.user_id);
    }
    if (!known.user_id.empty()) {
      users.insert(known.user_id);
      Summary& summary = summaries_[known.user_id];
      summary.version ^= hash_of(document_id + known.stamp);
      ++summary.documents[known.echo_id];
    }
  }
  if (known.user_id.empty()) known_.erase(document_id);
  else known_[document_id] = std::move(known);
  for (const auto& user : users)
    if (on_change_) on_change_(user);
}

}  // namespace repartee::knowledge
