#include "commands/blocking_embedder.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace repartee::commands {
namespace {

constexpr Millis stop_check{50};

// Shared by the waiting thread and the loop; whoever is last lets it go.
struct Call {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Result<pipeline::Embeddings>> result;
  StreamPtr stream;  // of the loop alone

  void finish(Result<pipeline::Embeddings> outcome) {
    std::lock_guard lock(mutex);
    result = std::move(outcome);
    done.notify_all();
  }
};

Status check(const pipeline::Embeddings& embeddings, std::size_t texts, std::size_t dimension) {
  if (embeddings.vectors.size() != texts) return Error{Errc::internal, "the embedder made another number of vectors than there are texts"};
  for (const auto& vector : embeddings.vectors)
    if (vector.size() != dimension) return Error{Errc::internal, "the embedder made a vector of another dimension than it says"};
  return {};
}

}  // namespace

BlockingEmbedder::BlockingEmbedder(pipeline::Embedder& embedder) : embedder_(embedder) { loops_.start(); }
BlockingEmbedder::~BlockingEmbedder() { loops_.stop(); }

Result<pipeline::Embeddings> BlockingEmbedder::embed(std::vector<std::string> texts, Duration time_max,
                                                     const std::function<bool()>& should_stop) {
  auto call = std::make_shared<Call>();
  auto& loop = loops_.loop(0);
  const auto until = SteadyClock::now() + time_max;
  const auto count = texts.size();
  loop.post([this, call, &loop, until, texts = std::move(texts)]() mutable {
    call->stream = embedder_.embed(loop, {.texts = std::move(texts), .priority = Priority::background, .deadline = until},
                                   [call](Result<pipeline::Embeddings> result) { call->finish(std::move(result)); });
  });
  std::unique_lock lock(call->mutex);
  while (!call->result && !should_stop() && SteadyClock::now() < until) call->done.wait_for(lock, stop_check);
  const auto result = std::move(call->result);
  lock.unlock();
  loop.post([call] { call->stream.reset(); });  // cancels what was not waited for
  if (!result && should_stop()) return Error{Errc::cancelled, "embedding was called off"};
  if (!result) return Error{Errc::deadline_exceeded, "the embedder did not answer in time"};
  if (!*result) return result->error();
  if (auto fits = check(result->value(), count, embedder_.dimension()); !fits) return fits.error();
  return *result;
}

}  // namespace repartee::commands
