#include "persistence/conversation_archive.hpp"

#include "core/ids.hpp"

namespace repartee::persistence {

StoredConversationArchive::StoredConversationArchive(Database& app, TurnRecorder& recorder, Options options)
    : sessions_(app),
      recorder_(recorder),
      options_(options),
      pool_({.name = "archive", .workers = options.workers, .queue_jobs_max = options.queue_jobs_max}) {}

void StoredConversationArchive::load(Loop& loop, std::string session_id, std::string user_id, std::function<void(Result<ConversationRecord>)> done) {
  const auto answer = [&loop, done = std::move(done)](Result<ConversationRecord> found) {
    loop.post([done, found = std::move(found)]() mutable { done(std::move(found)); });
  };
  auto submitted = pool_.submit({.priority = Priority::background,
                                 .deadline = SteadyClock::now() + options_.deadline,
                                 .is_cancelled = {},
                                 .run = [this, session_id, user_id, answer] { answer(read(session_id, user_id)); },
                                 .dropped = [answer](Errc why) { answer(Error{why, "reading the conversation took too long"}); }});
  if (!submitted) answer(submitted.error());
}

Result<ConversationRecord> StoredConversationArchive::read(const std::string& session_id, const std::string& user_id) {
  if (!is_uuid(session_id)) return Error{Errc::not_found, "no such session"};
  if (!recorder_.wait_until_idle(options_.recorder_patience)) return Error{Errc::unavailable, "the last turns are not in the database yet"};
  auto session = sessions_.find(session_id, user_id);
  if (!session) return session.error();
  auto turns = sessions_.turns_of_session(session_id, user_id);
  if (!turns) return turns.error();
  return ConversationRecord{std::move(*session), std::move(*turns)};
}

}  // namespace repartee::persistence
