// The ConversationArchive of the live path: reads a conversation on threads of its own, once the recorder has written what was submitted
// before, also what a crash left in the journal.
// Thread contract: as stores.hpp says. Destroy it before the recorder and the loops it answers on.
#pragma once
#include "core/worker_pool.hpp"
#include "persistence/session_repository.hpp"
#include "persistence/stores.hpp"
#include "persistence/turn_recorder.hpp"

namespace repartee::persistence {

class StoredConversationArchive final : public ConversationArchive {
 public:
  struct Options {
    Duration recorder_patience = std::chrono::seconds(3);   // for what is still on its way to the database
    Duration deadline = std::chrono::seconds(3);            // waiting for a thread
    std::size_t workers = 1, queue_jobs_max = 128;
  };
  StoredConversationArchive(Database& app, TurnRecorder& recorder, Options options);
  void load(Loop& loop, std::string session_id, std::string user_id, std::function<void(Result<ConversationRecord>)> done) override;

 private:
  Result<ConversationRecord> read(const std::string& session_id, const std::string& user_id);

  SessionRepository sessions_;
  TurnRecorder& recorder_;
  const Options options_;
  WorkerPool pool_;   // last: its threads end before the rest goes
};

}  // namespace repartee::persistence
