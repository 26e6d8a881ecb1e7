#include "commands/routes.hpp"

#include <charconv>
#include <mutex>

#include "api/router.hpp"
#include "api/routes.hpp"
#include "api/static_files.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::commands {
namespace {

constexpr Millis readiness_fresh_for{500};

// What /ready says about the database: asked on a blocking thread, read on a loop, never older than a second while somebody asks.
class DatabaseWatch {
 public:
  DatabaseWatch(persistence::Store& store, WorkerPool& blocking) : store_(store), blocking_(blocking) { look(); }

  Status status() {
    std::lock_guard lock(mutex_);
    if (!looking_ && SteadyClock::now() - seen_at_ > readiness_fresh_for) {
      looking_ = true;
      if (!blocking_.submit({.run = [this] { look(); }, .dropped = nullptr})) looking_ = false;
    }
    return status_;
  }

 private:
  void look() {
    Status seen = store_.ready();
    std::lock_guard lock(mutex_);
    status_ = std::move(seen);
    seen_at_ = SteadyClock::now();
    looking_ = false;
  }

  persistence::Store& store_;
  WorkerPool& blocking_;
  std::mutex mutex_;
  Status status_;
  TimePoint seen_at_{};
  bool looking_ = false;
};

std::vector<pipeline::VoiceInfo> all_voices(Engines& engines) {
  std::vector<pipeline::VoiceInfo> voices;
  for (const auto& [name, tts] : engines.voices())
    for (auto& voice : tts->voices()) voices.push_back(std::move(voice));
  return voices;
}

// The cursor is the last turn's index.
api::JsonPage page_of(const std::vector<TurnRecord>& turns, const api::ListQuery& list) {
  api::JsonPage page;
  int after = -1;
  std::from_chars(list.cursor.data(), list.cursor.data() + list.cursor.size(), after);
  for (const auto& turn : turns) {
    if (turn.turn_index <= after) continue;
    if (static_cast<int>(page.items.size()) == list.limit) {
      page.next_cursor = std::to_string(after);
      break;
    }
    page.items.push_back(realtime::server_events::turn_row_json(turn));
    after = turn.turn_index;
  }
  return page;
}

}  // namespace

struct Routes::Impl {
  explicit Impl(const Parts& parts)
      : parts_(parts),
        blocking_(std::make_unique<WorkerPool>(WorkerPool::Options{.name = "http", .workers = 2, .queue_jobs_max = 256})),
        database_(parts.store, *blocking_),
        router_(parts.auth) {
    router_.set_guards(parts.guards);
    api::add_health_routes(router_, [this] { return not_ready_reasons(); }, parts_.metrics);
    api::add_voice_routes(router_, all_voices(parts_.engines));
    api::add_echo_routes(router_, [this](Loop& loop, const auth::Caller& caller, const api::ListQuery&, std::function<void(Result<api::ClonePage>)> done) {
      on_database<api::ClonePage>(loop, std::move(done), [this, user = user_of(caller)]() -> Result<api::ClonePage> {
        auto clones = parts_.store.echos().list(user);
        if (!clones) return clones.error();
        return api::ClonePage{std::move(clones).value()};
      });
    });
    api::add_session_routes(router_, [this](Loop& loop, const auth::Caller& caller, std::string session_id, const api::ListQuery& list,
                                            std::function<void(Result<api::JsonPage>)> done) {
      on_database<api::JsonPage>(loop, std::move(done), [this, list, user = user_of(caller), session_id = std::move(session_id)]() -> Result<api::JsonPage> {
        auto turns = parts_.store.sessions().turns_of_session(session_id, user);
        if (!turns) return turns.error();
        return page_of(*turns, list);
      });
    });
    api::add_static_files(router_, std::make_shared<const api::StaticFiles>(api::StaticFiles::Options{parts_.settings.server.web_dir}));
  }

  std::string user_of(const auth::Caller& caller) const { return caller.user_id.empty() ? parts_.anonymous_user_id : caller.user_id; }

  std::vector<std::string> not_ready_reasons() {
    std::vector<std::string> reasons;
    if (auto database = database_.status(); !database) reasons.push_back("database: " + database.error().message);
    if (!parts_.gateway.has_room()) reasons.emplace_back("sessions: no room for another call");
    return reasons;
  }

  // Runs `read` on a blocking thread and `done` on the loop. Nobody cancels a request, so the handle lives as long as the call.
  template <class T>
  void on_database(Loop& loop, std::function<void(Result<T>)> done, std::function<Result<T>()> read) {
    auto handle = std::make_shared<StreamPtr>();
    *handle = run_on_pool<T>(*blocking_, loop, Priority::background, loop.now() + std::chrono::seconds(10), std::move(read),
                             [handle, done = std::move(done)](Result<T> result) {
                               done(std::move(result));
                               handle->reset();
                             });
  }

  const Parts parts_;
  std::unique_ptr<WorkerPool> blocking_;
  DatabaseWatch database_;
  api::Router router_;
};

Routes::Routes(Parts parts) : impl_(std::make_unique<Impl>(parts)) {}
Routes::~Routes() { impl_->blocking_.reset(); }   // its jobs end before what they look at goes

void Routes::serve(Loop& loop, transport::Request request, transport::Respond respond) { impl_->router_.handle(loop, std::move(request), std::move(respond)); }

}  // namespace repartee::commands
