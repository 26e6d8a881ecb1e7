// The ConversationHistory over the messages table: asks the database on a thread of its own.
// Thread contract: as stores.hpp says; read() blocks, from any thread. Destroy it before the loops it answers on.
#pragma once
#include <string>
#include <vector>

#include "core/worker_pool.hpp"
#include "persistence/database.hpp"
#include "persistence/stores.hpp"

namespace repartee::persistence {

class MessageHistory final : public ConversationHistory {
 public:
  struct Options {
    std::size_t messages_max = 20;  // 0: nothing is asked; at most page_rows_max
    Duration deadline = std::chrono::seconds(1);
    std::size_t queue_jobs_max = 512;
  };
  MessageHistory(Database& app, Options options);
  void recent(Loop& loop, std::string echo_id, std::string user_id, std::function<void(Result<std::vector<SaidBefore>>)> done) override;
  // Outputs of tools are left out: they make no sense without their calls.
  static Result<std::vector<SaidBefore>> read(Database& app, const std::string& echo_id, const std::string& user_id,
                                              std::size_t messages_max);

 private:
  Database& app_;
  const Options options_;
  WorkerPool pool_;  // last: its threads end before the rest goes
};

}  // namespace repartee::persistence
