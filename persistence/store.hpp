// The whole store, put together in the order it must be: the embedded cluster (unless there is a URL), migrations, the users and the clone
// that are always there, sessions a crash left open, the recorder, the directory of clones.
// A database elsewhere may be away when the server starts: then the rest of the preparation happens when it comes back, by the next
// ready() or before the recorder's first write. An embedded cluster that does not start is an error at once.
// Thread contract: open and destruction from the owner's thread; the members as their headers say.
#pragma once
#include <atomic>
#include <memory>

#include "persistence/clone_directory.hpp"
#include "persistence/conversation_archive.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/session_repository.hpp"
#include "persistence/turn_recorder.hpp"

namespace repartee::persistence {

class Store {
 public:
  struct ConfiguredUser {
    std::string external_id;  // its row's id is user_id_of_external(external_id)
  };
  struct Options {
    std::string database_url;  // empty: the embedded cluster below embedded.home.data_dir
    // Logins that may be no more than the role they work as. Empty: database_url's, which takes the role and could lay it down again.
    std::string app_url, recorder_url;
    Millis connect_timeout = std::chrono::seconds(10);  // of the three
    EmbeddedPostgres::Options embedded;
    CloneRecord default_clone;  // name, persona, greeting, voice; id, owner and visibility are filled in
    std::vector<ConfiguredUser> users;
    std::string node = "local";  // SessionRecord.node of this server's sessions
    Database::Options pool;           // of both pools; name and size are the store's own
    std::size_t app_connections_max = 10;
    std::size_t recorder_connections_max = 2;
    TurnRecorder::Options recorder;  // before_first_write and after_replay are the store's own
    TurnJournal::Options journal;    // directory empty: no journal
    StoredCloneDirectory::Options clones;
    StoredConversationArchive::Options archive;
  };
  static Result<std::unique_ptr<Store>> open(Options options, Metrics& metrics);
  ~Store();  // drains the recorder, then stops the cluster

  TurnRecorder& recorder() { return *recorder_; }
  StoredCloneDirectory& clones() { return *clones_; }
  StoredConversationArchive& archive() { return *archive_; }
  Database& app() { return *app_; }
  EchoRepository echos() { return EchoRepository(*app_); }
  SessionRepository sessions() { return SessionRepository(*app_); }
  const DatabaseTargets& targets() const { return targets_; }                           // for `repartee migrate`: Migrator(targets().owner)
  Status ready();                                                                       // asks the database, blocking; for /ready
  bool prepared() const { return prepared_; }                                           // false: the database has been away since the start
  pid_t postmaster_pid() const { return embedded_ ? embedded_->postmaster_pid() : 0; }  // 0 also without an embedded cluster

  // Only the database, for `repartee migrate`: the targets, with the embedded cluster running while `embedded` lives.
  static Result<DatabaseTargets> connect_targets(const Options& options, Metrics& metrics, std::unique_ptr<EmbeddedPostgres>& embedded);

 private:
  Store(Options options, DatabaseTargets targets, std::unique_ptr<EmbeddedPostgres> embedded, std::unique_ptr<TurnJournal> journal,
        Metrics& metrics);
  Status prepare();  // idempotent
  Status close_left_open();

  const Options options_;
  const WallTime opened_at_;
  const DatabaseTargets targets_;
  std::unique_ptr<EmbeddedPostgres> embedded_;
  std::unique_ptr<Database> app_;
  std::unique_ptr<Database> recording_;
  std::mutex preparing_;
  std::atomic<bool> prepared_{false};
  std::unique_ptr<TurnRecorder> recorder_;
  std::unique_ptr<StoredCloneDirectory> clones_;
  std::unique_ptr<StoredConversationArchive> archive_;
};

}  // namespace repartee::persistence
