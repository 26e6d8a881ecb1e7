#include "commands/routes.hpp"

#include "api/blocking.hpp"
#include "api/routes.hpp"
#include "api/static_files.hpp"
#include "commands/database_watch.hpp"
#include "persistence/roles.hpp"

namespace repartee::commands {
namespace {

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
          .retriever = parts.retriever};
}

}  // namespace

struct Routes::Impl {
  Impl(const Parts& parts, std::shared_ptr<const api::OpenApi> openapi)
      : parts_(parts),
        database_(parts.store),
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
Routes::~Routes() {  // its jobs end before what they look at goes
  impl_->blocking_.reset();
}

void Routes::serve(Loop& loop, transport::Request request, transport::Respond respond) { impl_->router_.handle(loop, std::move(request), std::move(respond)); }

}  // namespace repartee::commands
