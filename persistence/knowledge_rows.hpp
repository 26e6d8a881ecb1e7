// A document's rows while it is read: text, chunks, embeddings. Every step is a transaction of its own and may be repeated; what is there
// already says where to go on (see commands/knowledge_ingest.hpp, which is the order of the steps).
//   vector_ids[0] names the embedder that its chunks' embeddings come from; a chunk without one waits for it.
// Errors: not_found: the document was removed, erased, or was another's; those of Database::run.
// Thread contract: any thread; blocking. Over the owner's pool; each call works as the document's user.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "persistence/repositories/knowledge.hpp"

namespace repartee::persistence {

class KnowledgeRows {
 public:
  struct NewChunk {
    std::string text;
    int token_count = 0;
  };
  struct Waiting {  // a chunk without an embedding
    std::string id, text;
  };
  struct Embedded {
    std::string id;  // of the chunk
    std::vector<float> embedding;
  };
  struct Place {  // a document, and whose
    std::string id, user_id;
  };

  explicit KnowledgeRows(Database& owner) : database_(owner) {}

  Result<KnowledgeDocument> load(const Place& document);
  Status begin(const Place& document);  // status processing
  Status put_text(const Place& document, const std::string& text);
  Status put_chunks(const Place& document, const std::vector<NewChunk>& chunks);  // in the place of those that are there
  // From here on its embeddings are this embedder's: those of another go. "": there is none.
  Status begin_embeddings(const Place& document, const std::string& embedder);
  Result<std::vector<Waiting>> waiting(const Place& document, std::size_t limit);  // in their order
  Result<std::int64_t> count_waiting(const Place& document);
  Status put_embeddings(const Place& document, const std::vector<Embedded>& embedded);
  Status complete(const Place& document, const std::string& remark);  // remark: what the user should know all the same
  Status fail(const Place& document, const std::string& why);

  // Completed documents whose embeddings are another embedder's, or are not all there; after this id, in the ids' order.
  Result<std::vector<Place>> without_embeddings(const std::string& embedder, const std::string& after_id, std::size_t limit);
  // Documents that should be being read, but have no job and did not change for so long: the job died with its worker each time. They are
  // marked failed. How many.
  Result<std::size_t> fail_abandoned(const std::string& why, Millis unchanged_for);

 private:
  template <class F>
  auto as(const Place& document, F&& work) {
    return database_.run(std::forward<F>(work), {.user_id = document.user_id});
  }
  Status patch(const Place& document, const Patch<KnowledgeDocument>& patch);

  Database& database_;
};

}  // namespace repartee::persistence
