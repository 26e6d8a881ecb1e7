#include "tests/api/live_api.hpp"

#include <future>

#include "persistence/echo_repository.hpp"

namespace repartee::test {
namespace {

constexpr auto patience = std::chrono::seconds(20);

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

transport::Request request_of(const std::string& method, const std::string& target) {
  transport::Request request;
  request.method = method;
  request.target = target;
  const auto mark = target.find('?');
  request.path = decoded(std::string_view(target).substr(0, mark));
  std::string_view rest = mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    const auto equals = pair.find('=');
    request.query[decoded(pair.substr(0, equals))] = equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
  }
  request.remote_address = "127.0.0.1";
  return request;
}

}  // namespace

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || c == '-') {
      out += static_cast<char>(c);
      continue;
    }
    char escape[4];
    std::snprintf(escape, sizeof escape, "%%%02X", c);
    out += escape;
  }
  return out;
}

LiveApi::LiveApi() : ann{user_, "sk-ann"}, bob{make_user(), "sk-bob"} {
  auto auth = auth::Auth::create(
      {.keys = {{.name = "ann", .key = ann.key, .user_id = ann.user_id}, {.name = "bob", .key = bob.key, .user_id = bob.user_id}}});
  EXPECT_TRUE(auth);
  auto described = api::OpenApi::load();
  EXPECT_TRUE(described) << described.error().message;
  openapi = *described;
  blocking = std::make_unique<api::Blocking>(api::Blocking::Options{.workers = 2}, metrics_);
  persistence::EchoRepository echos(app_);
  const auto standard = echos.ensure_default({.name = "default", .persona_prompt = "You are the house.", .greeting = "Welcome."});
  EXPECT_TRUE(standard) << standard.error().message;
  clones = std::make_unique<persistence::StoredCloneDirectory>(app_, *standard, persistence::StoredCloneDirectory::Options{});
  answering = std::make_unique<api::Answering>(
      api::Answering::Options{.llms = {{"scripted", &llm}}, .llm_default = "scripted", .retriever = &retriever});
  backend = std::make_unique<api::Backend>(api::Backend{.database = app_,
                                                        .blocking = *blocking,
                                                        .anonymous_user_id = persistence::local_user_id,
                                                        .tts = {{"scripted", &tts}},
                                                        .llms = {{"scripted", &llm}},
                                                        .clones = clones.get(),
                                                        .clone_changed = [this](const std::string& id) { clones->forget(id); },
                                                        .answering = answering.get(),
                                                        .retriever = &retriever});
  EXPECT_TRUE(persistence::UserRepository(app_).ensure(persistence::local_user_id, "test:local"));
  const auto configured = std::make_shared<const auth::Auth>(std::move(*auth));
  accounts = std::make_unique<LiveAccounts>(app_, owner_, configured, metrics_);
  accounts->join(*backend);
  router = std::make_unique<api::Router>(configured, accounts->authenticator);
  api::Guards guards;
  guards.on_answer = [this](const api::Answered& answered) {
    std::lock_guard lock(told_mutex_);
    told_.push_back(answered);
  };
  router->set_guards(std::move(guards));
  api::add_routes(*router,
                  {.backend = *backend,
                   .openapi = openapi,
                   .not_ready_reasons = [this] { return not_ready; },
                   .metrics = metrics_,
                   .tokens = tokens,
                   .accounts = accounts->made.get()});
}

LiveApi::~LiveApi() {
  accounts.reset();
  blocking.reset();
}

StreamPtr ListedPassages::retrieve(Loop& asking, pipeline::RetrievalRequest request,
                                   std::function<void(Result<pipeline::Retrieval>)> done) {
  asked.push_back(std::move(request));
  return asking.after(Millis(0), [this, done = std::move(done)] {
    if (failure) return done(*failure);
    done(pipeline::Retrieval{.passages = passages});
  });
}

transport::Response LiveApi::ask(const Asked& asked) {
  auto request = request_of(asked.method, asked.target);
  request.headers = asked.headers;
  request.headers.emplace("host", "localhost:8080");
  if (!asked.key.empty()) request.headers["authorization"] = "Bearer " + asked.key;
  if (!asked.body.empty() && !asked.content_type.empty()) request.headers["content-type"] = asked.content_type;
  request.body = asked.body;
  const auto* operation = router->operation_of(asked.method, request.path);
  std::promise<transport::Response> promise;
  auto future = promise.get_future();
  router->handle(loop, std::move(request), [&](transport::Response response) { promise.set_value(std::move(response)); });
  const auto until = SteadyClock::now() + patience;
  while (future.wait_for(Millis(1)) != std::future_status::ready && SteadyClock::now() < until) loop.advance(loop_step);
  if (future.wait_for(Millis(0)) != std::future_status::ready)
    throw std::runtime_error(asked.method + " " + asked.target + " was not answered");
  auto response = future.get();
  if (operation) {
    const auto documented = operation->check_response(response);
    EXPECT_TRUE(documented) << asked.method << " " << asked.target << ": " << documented.error().message << "\n" << response.body;
  }
  return response;
}

Json LiveApi::ask_json(const Asked& asked, int status) {
  const auto response = ask(asked);
  EXPECT_EQ(response.status, status) << asked.method << " " << asked.target << "\n" << response.body;
  return Json::parse(response.body);
}

std::vector<api::Answered> LiveApi::answered() const {
  std::lock_guard lock(told_mutex_);
  return told_;
}

std::vector<std::string> LiveApi::actions() const {
  std::lock_guard lock(told_mutex_);
  std::vector<std::string> all;
  for (const auto& answered : told_) all.push_back(answered.action + " " + std::to_string(answered.status));
  return all;
}

}  // namespace repartee::test
