// GET and POST /api/v1/conversation/{echo_id}: what was said with a clone, by voice and in text, and saying more in text.
#include <algorithm>

#include "api/json_fields.hpp"
#include "api/request_body.hpp"
#include "api/routes.hpp"
#include "persistence/echo_repository.hpp"
#include "persistence/repositories/people.hpp"

namespace repartee::api {
namespace {

using persistence::DatabaseError;
using persistence::Echo;
using persistence::Message;
using persistence::MessageRepository;
using persistence::Transaction;

using Order = persistence::Order<Message>;
Order by_time(bool newest_first) { return Order::by<&Message::created_at>(newest_first); }
persistence::Filter<Message> with_clone(const std::string& echo_id) {
  return persistence::Filter<Message>().own().where<&Message::echo_id>(echo_id);
}

Json message_json(const Message& message) {
  return {{"id", message.id},     {"echo_id", message.echo_id}, {"session_id", or_null(message.session_id)},
          {"role", message.role}, {"content", message.content}, {"created_at", time_json(message.created_at)}};
}

Result<transport::Response> list(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto user = backend.user_of(call.caller);
  const auto page = backend.database.run(
      [&](Transaction& t) {
        Echo::table().find(t, call.param("echo_id"));  // the clone is there, and the caller's or public
        return Message::table().find_many(t, with_clone(call.param("echo_id")), by_time(call.query("order") == "desc"), query->cursor,
                                          static_cast<std::size_t>(query->limit));
      },
      {.user_id = user});
  if (!page) return missing(page.error(), "clone");
  JsonPage json{{}, page->next_cursor};
  for (const auto& message : page->rows) json.items.push_back(dump(message_json(message)));
  return list_response("messages", json);
}

Message message_of(const std::string& echo_id, const std::string& role, const std::string& content) {
  Message message;
  message.echo_id = echo_id;
  message.role = role;
  message.content = content;
  return message;
}

transport::Response said(const std::vector<Message>& messages, const std::vector<pipeline::Passage>& passages = {}) {
  Json all = Json::array(), sources = Json::array();
  for (const auto& message : messages) all.push_back(message_json(message));
  for (const auto& passage : passages) sources.push_back(passage_json(passage));
  return json_response(201, dump({{"messages", std::move(all)}, {"sources", std::move(sources)}}));
}

Result<transport::Response> only_store(const Backend& backend, const Call& call) {
  const auto user = backend.user_of(call.caller);
  const auto& echo_id = call.param("echo_id");
  const auto stored = backend.database.run(
      [&](Transaction& t) {
        Echo::table().find(t, echo_id);
        return Message::table().create(t, message_of(echo_id, call.body().at("role"), call.body().at("content")), user);
      },
      {.user_id = user});
  if (!stored) return missing(stored.error(), "clone");
  return said({*stored});
}

// ---- a user's message is answered ----

pipeline::Role role_of(const std::string& role) {
  return role == "user" ? pipeline::Role::user : role == "assistant" ? pipeline::Role::assistant : pipeline::Role::system;
}

// What was said last, oldest first, and the new question. Outputs of tools make no sense without their calls.
Result<std::vector<pipeline::ChatMessage>> context_of(const Backend& backend, const std::string& user, const std::string& echo_id,
                                                      std::string question) {
  std::vector<pipeline::ChatMessage> context;
  if (const auto limit = backend.answering->options().history_messages_max; limit > 0) {
    auto filter = with_clone(echo_id).where<&Message::role>(persistence::Is::not_equal, "tool");
    const auto page = MessageRepository(backend.database).find_many(filter, user, by_time(true), "", limit);
    if (!page) return page.error();
    for (const auto& message : page->rows) context.push_back({role_of(message.role), message.content});
    std::reverse(context.begin(), context.end());
  }
  context.push_back({pipeline::Role::user, std::move(question)});
  return context;
}

// Question and answer are stored when there is an answer: what failed may be said again. Two transactions, so that their times differ.
Result<transport::Response> store_exchange(const Backend& backend, const std::string& user, const std::string& echo_id,
                                           const std::string& question, const Answering::Answer& answer) {
  MessageRepository messages(backend.database);
  const auto asked = messages.create(message_of(echo_id, "user", question), user);
  if (!asked) return asked.error();
  const auto answered = backend.database.run(
      [&](Transaction& t) {
        if (const int tokens = answer.end.input_tokens + answer.end.output_tokens; tokens > 0)
          persistence::add_usage(t, user, "turn.llm_tokens", answer.llm, tokens);
        return Message::table().create(t, message_of(echo_id, "assistant", answer.text), user);
      },
      {.user_id = user});
  if (!answered) return answered.error();
  return said({*asked, *answered}, answer.passages);
}

// From the loop to a blocking thread and back, three times: the clone, the history, the answer, its storing.
void answer(const Backend& backend, Call call) {
  const auto asked = std::make_shared<Call>(std::move(call));
  const auto user = backend.user_of(asked->caller);
  const auto fail = [asked](const Error& error) { asked->respond(error_response(missing(error, "clone"))); };
  const auto store = [&backend, asked, user, fail](Result<Answering::Answer> answered) {
    if (!answered) return fail(answered.error());
    backend.blocking.run<transport::Response>(
        asked->loop,
        [&backend, asked, user, answered = std::move(answered)] {
          return store_exchange(backend, user, asked->param("echo_id"), asked->body().at("content"), *answered);
        },
        [asked, fail](Result<transport::Response> stored) {
          if (!stored) return fail(stored.error());
          asked->respond(std::move(*stored));
        });
  };
  backend.clones->find(asked->loop, asked->param("echo_id"), user, [&backend, asked, user, fail, store](Result<CloneRecord> clone) {
    if (!clone) return fail(clone.error());
    backend.blocking.run<std::vector<pipeline::ChatMessage>>(
        asked->loop, [&backend, asked, user] { return context_of(backend, user, asked->param("echo_id"), asked->body().at("content")); },
        [&backend, asked, user, fail, store, clone = std::move(*clone)](Result<std::vector<pipeline::ChatMessage>> context) {
          if (!context) return fail(context.error());
          backend.answering->answer(asked->loop, {.clone = clone, .user_id = user, .messages = std::move(*context)}, store);
        });
  });
}

}  // namespace

void add_conversation_routes(Router& router, const Backend& backend) {
  router.add("GET", "/api/v1/conversation/{echo_id}", Access::key,
             backend.blocking.handler([&backend](const Call& call) { return list(backend, call); }), "transcript.read");
  router.add(
      "POST", "/api/v1/conversation/{echo_id}", Access::key,
      [&backend](Call call) {
        if (call.body().at("role") == "user") answer(backend, std::move(call));
        else backend.blocking.answer(std::move(call), [&backend](const Call& asked) { return only_store(backend, asked); });
      },
      "message.create");
}

}  // namespace repartee::api
