// Clones (table echos): the common shape, and what the live path asks for. Each function works as a caller: it sees that user's clones
// and public ones, changes only the user's. An empty user_id sees public ones only.
// Thread contract: any thread; blocking.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "persistence/repositories/conversations.hpp"

namespace repartee::persistence {

class EchoRepository : public Repository<Echo> {
 public:
  static constexpr std::size_t list_max = 200;
  static constexpr std::size_t name_chars_max = 200;

  using Repository::create;
  using Repository::Repository;
  // By id, or by name; of several with one name the caller's own before public ones, the oldest first. not_found.
  Result<CloneRecord> find(const std::string& id_or_name, const std::string& user_id);
  // The same, as one talks with it: the owner's personality traits are part of its persona.
  Result<CloneRecord> find_to_talk(const std::string& id_or_name, const std::string& user_id);
  Result<std::vector<CloneRecord>> list(const std::string& user_id, std::size_t limit = list_max);  // oldest first
  Status create(const CloneRecord& clone);

  // The clone that is always there. Belongs to the system user, is public, has default_clone_id unless `clone` says another UUID. What an
  // operator changed in its row stays; a row nobody changed follows a new release's text. Answers the row as it is now.
  Result<CloneRecord> ensure_default(const CloneRecord& clone);

 private:
  Result<CloneRecord> find_and(const std::string& id_or_name, const std::string& user_id,
                               const std::function<void(Transaction&, CloneRecord&)>& then);
};

// `clone` with what makes it the default one: id, owner, public.
CloneRecord as_default_clone(CloneRecord clone);

}  // namespace repartee::persistence
