// Keeps this node's index of vectors true to the database: loads it from its file, compares it with what there is, and follows every change
// of a document as NOTIFY repartee_knowledge (payload: the document's id) tells it. After a time without connection everything is compared
// again; so it is now and then, whatever was told.
// Also knows who has documents at all, which is asked before every look-up.
// Thread contract: made and destroyed on the owner's thread; has_knowledge() and version() from any thread, they wait for microseconds at
// most. One thread of its own works on the index, another hears the notifications. on_change runs on the former. Without vectors (index
// null) it only knows what there is.
#pragma once
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "core/metrics.hpp"
#include "persistence/knowledge_inventory.hpp"
#include "persistence/notification_listener.hpp"
#include "pipeline/vector_index.hpp"

namespace repartee::knowledge {

class IndexKeeper {
 public:
  struct Options {
    std::filesystem::path file;                     // of the index; empty: it is made from the database at every start
    std::string embedder;                           // whose vectors the index holds
    Duration save_after = std::chrono::minutes(2);  // of the first change since the last time
    Duration compare_every = std::chrono::minutes(10);
    Duration retry_after = std::chrono::seconds(1);  // when the database is away
    std::size_t changes_max = 10'000;                // waiting; beyond, everything is compared instead
    bool listen = true;
  };
  IndexKeeper(persistence::DatabaseTarget owner, pipeline::VectorIndex* index, Options options,
              std::function<void(const std::string& user_id)> on_change, Metrics& metrics);
  ~IndexKeeper();  // saves what changed

  bool has_knowledge(const std::string& user_id, const std::string& echo_id) const;
  // Changes with every change of one of the user's documents, and is the same on every node that has seen the same changes.
  std::string version(const std::string& user_id) const;
  bool settled() const;  // nothing waits: the index is what the database was when last told

 private:
  struct Known {
    std::string user_id, echo_id, stamp;
  };
  struct Summary {                                 // of a user's documents
    std::map<std::string, std::size_t> documents;  // by clone; "": of all
    std::uint64_t version = 0;
  };
  void work();
  bool do_next(std::unique_lock<std::mutex>& lock);  // false: nothing to do
  bool compare();
  bool refresh(const std::string& document_id);
  bool take(const persistence::KnowledgeInventory::Document& document);
  void forget(const std::string& document_id);
  void note(const std::string& document_id, Known known);
  void load();
  void save_if_due(bool now);

  pipeline::VectorIndex* const index_;
  const Options options_;
  const std::function<void(const std::string&)> on_change_;
  Gauge &rows_gauge_, &bytes_gauge_, &documents_gauge_;
  persistence::Database owner_;
  persistence::KnowledgeInventory inventory_;

  std::map<std::string, Known> known_;         // by document; the working thread's
  std::map<std::string, std::string> loaded_;  // stamps of what the file held and nobody looked at yet
  bool changed_ = false;
  TimePoint changed_at_{}, compared_at_{};

  mutable std::mutex summary_mutex_;
  std::map<std::string, Summary> summaries_;  // by user

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::set<std::string> changes_;
  bool compare_wanted_ = true, busy_ = true, stopping_ = false;
  std::thread thread_;
  std::unique_ptr<persistence::NotificationListener> listener_;  // last: its thread ends first
};

}  // namespace repartee::knowledge
