// Whose documents a question may be answered from.
// Thread contract: values and pure functions.
#pragma once
#include <string>
#include <string_view>

namespace repartee::pipeline {

struct KnowledgeScope {
  std::string user_id;        // the documents' owner
  std::string echo_id;        // the clone that asks; empty: the owner, who may see all of them
  std::string scope = "all";  // none; own: documents of this clone; all: and those that belong to all of the owner's clones

  // document_echo_id: the clone the document belongs to; empty: all of them.
  bool admits(std::string_view document_echo_id) const {
    if (scope == "none") return false;
    if (echo_id.empty()) return true;
    return document_echo_id == echo_id || (scope == "all" && document_echo_id.empty());
  }
};

// Whose documents a clone knows: its owner's. The server's own clones, which belong to `house`, know what their caller's documents say.
inline const std::string& knowledge_owner(const std::string& clone_owner, const std::string& caller, const std::string& house) {
  return !house.empty() && clone_owner == house ? caller : clone_owner;
}

}  // namespace repartee::pipeline
