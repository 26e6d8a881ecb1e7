// Which documents of all users there are, and their vectors, for a node's index. Works as the database's owner, beyond row-level security:
// never for a request.
// Thread contract: any thread, blocking.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "persistence/database.hpp"

namespace repartee::persistence {

class KnowledgeInventory {
 public:
  struct Document {  // completed, not deleted
    std::string id, user_id;
    std::string echo_id;   // empty: of all the user's clones
    std::string embedder;  // its vectors' name; empty: none
    std::string stamp;     // another one after every change of what an index holds of it
  };
  struct Vector {
    int ordinal = 0;
    std::vector<float> values;
  };
  explicit KnowledgeInventory(Database& owner) : owner_(owner) {}
  Result<std::vector<Document>> all();
  Result<std::optional<Document>> find(const std::string& document_id);
  Result<std::vector<Vector>> vectors(const std::string& document_id);

 private:
  Database& owner_;
};

}  // namespace repartee::persistence
