#include "persistence/message_history.hpp"

#include <algorithm>

#include "persistence/repositories/conversations.hpp"

namespace repartee::persistence {

MessageHistory::MessageHistory(Database& app, Options options)
    : app_(app), options_(options), pool_({.name = "history", .workers = 1, .queue_jobs_max = options.queue_jobs_max}) {}

Result<std::vector<SaidBefore>> MessageHistory::read(Database& app, const std::string& echo_id, const std::string& user_id,
                                                     std::size_t messages_max) {
  std::vector<SaidBefore> said;
  if (messages_max == 0) return said;
  const auto filter = Filter<Message>().own().where<&Message::echo_id>(echo_id).where<&Message::role>(Is::not_equal, "tool");
  auto page = MessageRepository(app).find_many(filter, user_id, Order<Message>::by<&Message::created_at>(true), "", messages_max);
  if (!page) return page.error();
  for (auto& message : page->rows) said.push_back({std::move(message.role), std::move(message.content)});
  std::reverse(said.begin(), said.end());
  return said;
}

void MessageHistory::recent(Loop& loop, std::string echo_id, std::string user_id,
                            std::function<void(Result<std::vector<SaidBefore>>)> done) {
  const auto answer = [&loop, done = std::move(done)](Result<std::vector<SaidBefore>> said) {
    loop.post([done, said = std::move(said)]() mutable { done(std::move(said)); });
  };
  auto submitted = pool_.submit({.priority = Priority::background,
                                 .deadline = SteadyClock::now() + options_.deadline,
                                 .is_cancelled = {},
                                 .run = [this, echo_id = std::move(echo_id), user_id = std::move(user_id),
                                         answer] { answer(read(app_, echo_id, user_id, options_.messages_max)); },
                                 .dropped =
                                     [answer](Errc why) {
                                       answer(Error{why, "reading what was said before took too long"});
                                     }});
  if (!submitted) answer(submitted.error());
}

}  // namespace repartee::persistence
