// An embedder (pipeline/providers.hpp) for a thread that waits: a job's. The work runs where the embedder runs it; its callbacks on a loop
// of this object's own, so that neither the sessions' loops nor their end matter to it.
// Thread contract: embed() from any thread but that loop; blocking. The embedder outlives it.
#pragma once
#include <functional>

#include "core/asio_loops.hpp"
#include "pipeline/providers.hpp"

namespace repartee::commands {

class BlockingEmbedder {
 public:
  explicit BlockingEmbedder(pipeline::Embedder& embedder);
  ~BlockingEmbedder();

  // As many vectors as texts, each of the embedder's dimension; internal when they are not. cancelled when should_stop, asked now and then,
  // said so.
  Result<pipeline::Embeddings> embed(std::vector<std::string> texts, Duration time_max, const std::function<bool()>& should_stop);
  pipeline::Embedder& embedder() { return embedder_; }

 private:
  pipeline::Embedder& embedder_;
  AsioLoops loops_{1};
};

}  // namespace repartee::commands
