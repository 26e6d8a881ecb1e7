#include "persistence/store.hpp"

#include "core/log.hpp"
#include "persistence/migrate.hpp"
#include "persistence/roles.hpp"
#include "persistence/user_repository.hpp"

namespace repartee::persistence {
namespace {

std::unique_ptr<Database> make_pool(const DatabaseTarget& target, Database::Options options, const char* name, std::size_t connections_max,
                                    Metrics& metrics) {
  options.name = name;
  options.connections_max = connections_max;
  return std::make_unique<Database>(target, options, metrics);
}

}  // namespace

Result<DatabaseTargets> Store::connect_targets(const Options& options, Metrics& metrics, std::unique_ptr<EmbeddedPostgres>& embedded) {
  if (options.database_url.empty()) {
    embedded = std::make_unique<EmbeddedPostgres>(options.embedded, metrics);
    return embedded->start();
  }
  auto target = parse_target(options.database_url, options.connect_timeout);
  if (!target) return target.error();
  auto targets = targets_of(*target);
  for (auto [url, one] : {std::pair{&options.app_url, &targets.app}, {&options.recorder_url, &targets.recorder}}) {
    if (url->empty()) continue;
    auto own = parse_target(*url, options.connect_timeout);
    if (!own) return own.error();
    one->conninfo = own->conninfo;
  }
  return targets;
}

Result<std::unique_ptr<Store>> Store::open(Options options, Metrics& metrics) {
  std::unique_ptr<EmbeddedPostgres> embedded;
  auto targets = connect_targets(options, metrics, embedded);
  if (!targets) return targets.error();
  const bool elsewhere = !embedded;
  std::unique_ptr<TurnJournal> journal;
  if (!options.journal.directory.empty()) {
    auto opened = TurnJournal::open(options.journal, metrics);
    if (!opened) return opened.error();
    journal = std::move(*opened);
  }
  std::unique_ptr<Store> store(new Store(std::move(options), std::move(*targets), std::move(embedded), std::move(journal), metrics));
  if (auto prepared = store->prepare(); !prepared) {
    if (!elsewhere || prepared.error().code != Errc::unavailable) return prepared.error();
    log::warn("store", "the database is away: starting without it",
              {{"database", describe(store->targets_.owner)}, {"error", prepared.error().message}});
  }
  return store;
}

Store::Store(Options options, DatabaseTargets targets, std::unique_ptr<EmbeddedPostgres> embedded, std::unique_ptr<TurnJournal> journal,
             Metrics& metrics)
    : options_(std::move(options)),
      opened_at_(std::chrono::system_clock::now()),
      targets_(std::move(targets)),
      embedded_(std::move(embedded)),
      app_(make_pool(targets_.app, options_.pool, "app", options_.app_connections_max, metrics)),
      recording_(make_pool(targets_.recorder, options_.pool, "recorder", options_.recorder_connections_max, metrics)) {
  clones_ = std::make_unique<StoredCloneDirectory>(*app_, options_.default_clone, options_.clones);
  auto recorder = options_.recorder;
  recorder.before_first_write = [this] { return prepare(); };
  recorder.after_replay = [this] { return close_left_open(); };  // what was replayed may have opened some again
  recorder_ = std::make_unique<TurnRecorder>(*recording_, std::move(recorder), metrics, std::move(journal));
  archive_ = std::make_unique<StoredConversationArchive>(*app_, *recorder_, options_.archive);
}

Store::~Store() {
  archive_.reset();
  recorder_.reset();  // first: it may still have to prepare the database for what it drains
  clones_.reset();
}

Status Store::prepare() {
  std::lock_guard lock(preparing_);
  if (prepared_) return {};
  if (auto applied = Migrator(targets_.owner).up(); !applied) return applied.error();
  app_->renew();  // connections made before the migration may lack their role
  recording_->renew();
  UserRepository users(*app_);
  if (auto local = users.ensure(local_user_id, "repartee:local"); !local) return local;
  for (const auto& user : options_.users)
    if (auto made = users.ensure(user_id_of_external(user.external_id), user.external_id); !made) return made;
  if (auto clone = echos().ensure_default(options_.default_clone); !clone) return clone.error();
  clones_->forget_all();
  if (auto closed = close_left_open(); !closed) return closed;
  prepared_ = true;
  return {};
}

Status Store::close_left_open() {
  auto closed = SessionRepository(*recording_).close_left_open(options_.node, opened_at_);
  if (!closed) return closed.error();
  if (*closed > 0) log::warn("store", "closed the sessions an earlier run left open", {{"count", *closed}});
  return {};
}

Status Store::ready() {
  if (!prepared_) return prepare();
  return app_->ping();
}

}  // namespace repartee::persistence
