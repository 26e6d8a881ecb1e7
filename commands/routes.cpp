#include "commands/routes.hpp"

#include <mutex>

#include "api/blocking.hpp"
#include "api/routes.hpp"
#include "api/static_files.hpp"
#include "persistence/roles.hpp"

namespace repartee::commands {
namespace {

constexpr Millis readiness_fresh_for{500};
constexpr Duration answer_patience = std::chrono::seconds(3);

// What /ready says about the database: asked on a blocking thread, read on a loop, never older than a second while somebody asks. One that
// is there but does not answer (hanging, or behind a dead network) counts as away after `answer_patience`.
class DatabaseWatch {
 public:
  DatabaseWatch(persistence::Store& store, WorkerPool& blocking) : store_(store), blocking_(blocking) {
    if (store.prepared()) look();
    else status_ = Error{Errc::unavailable, "away since the start"};
  }

  Status status() {
    std::lock_guard lock(mutex_);
    const auto now = SteadyClock::now();
    if (!looking_ && now - seen_at_ > readiness_fresh_for) {
      looking_ = true;
      asked_at_ = now;
      if (!blocking_.submit({.run = [this] { look(); }, .dropped = nullptr})) looking_ = false;
    }
    if (looking_ && now - asked_at_ > answer_patience)
      return Error{Errc::deadline_exceeded, "no answer for " + std::to_string(to_ms(now - asked_at_) / 1000) + " s"};
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
  TimePoint seen_at_{}, asked_at_{};
  bool looking_ = false;
};

api::Answering::Options answering_options(const Routes::Parts& parts) {
  const auto& llm = parts.settings.llm;
  return {.llms = parts.engines.llms(),
          .llm_default = llm.provider,
          .retriever = parts.retriever,
          .house_user_id = persistence::system_user_id,
          .output_tokens_max = llm.output_tokens_max,
          .first_token_timeout = llm.first_token_deadline,
          .timeout = llm.deadline};
}

api::Backend backend_of(const Routes::Parts& parts, api::Blocking& blocking, api::Answering& answering) {
  return {.database = parts.store.app(),
          .blocking = blocking,
          .anonymous_user_id = parts.anonymous_user_id,
          .tts = parts.engines.voices(),
          .llms = parts.engines.llms(),
          .clones = &parts.store.clones(),
          .clones_changed = [&clones = parts.store.clones()] { clones.forget_all(); },
          .answering = &answering,
          .retriever = parts.retriever,
          .uploads = {.blobs = &parts.blobs,
                      .document_bytes_max = static_cast<std::size_t>(parts.settings.documents.upload_mb_max) * 1024 * 1024}};
}

}  // namespace

struct Routes::Impl {
  Impl(const Parts& parts, std::shared_ptr<const api::OpenApi> openapi)
      : parts_(parts),
        watching_(std::make_unique<WorkerPool>(WorkerPool::Options{.name = "http-ready", .workers = 1, .queue_jobs_max = 1})),
        database_(parts.store, *watching_),
        blocking_(std::make_unique<api::Blocking>(api::Blocking::Options{}, parts.metrics)),
        answering_(answering_options(parts)),
        backend_(backend_of(parts, *blocking_, answering_)),
        router_(parts.auth) {
    router_.set_guards(parts.guards);
    api::add_routes(router_, {.backend = backend_,
                              .openapi = std::move(openapi),
                              .not_ready_reasons = [this] { return not_ready_reasons(); },
                              .metrics = parts_.metrics});
    api::add_static_files(router_, std::make_shared<const api::StaticFiles>(api::StaticFiles::Options{parts_.settings.server.web_dir}));
  }

  std::vector<std::string> not_ready_reasons() {
    std::vector<std::string> reasons;
    if (auto database = database_.status(); !database) reasons.push_back("database: " + database.error().message);
    if (!parts_.gateway.has_room()) reasons.emplace_back("sessions: no room for another call");
    return reasons;
  }

  const Parts parts_;
  std::unique_ptr<WorkerPool> watching_;
  DatabaseWatch database_;
  std::unique_ptr<api::Blocking> blocking_;
  api::Answering answering_;
  const api::Backend backend_;
  api::Router router_;
};

Result<std::unique_ptr<Routes>> Routes::make(const Parts& parts) {
  auto openapi = api::OpenApi::load();
  if (!openapi) return openapi.error();
  return std::unique_ptr<Routes>(new Routes(std::make_unique<Impl>(parts, std::move(*openapi))));
}

Routes::Routes(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Routes::~Routes() {  // their jobs end before what they look at goes
  impl_->blocking_.reset();
  impl_->watching_.reset();
}

void Routes::serve(Loop& loop, transport::Request request, transport::Respond respond) { impl_->router_.handle(loop, std::move(request), std::move(respond)); }

void Routes::judge_head(Loop& loop, const transport::Request& head, std::function<void(std::optional<transport::Response>)> done) {
  impl_->router_.judge_head(loop, head, std::move(done));
}

}  // namespace repartee::commands
