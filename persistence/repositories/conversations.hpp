// Clones, and what was said with them. The sessions and turns are the recorder's: here they are read and deleted. EchoRepository and
// SessionRepository themselves: persistence/echo_repository.hpp, session_repository.hpp.
// Thread contract: the rows are values; the repositories as repository.hpp says.
#pragma once
#include "core/records.hpp"
#include "persistence/repositories/repository.hpp"

namespace repartee::persistence {

struct Echo : CloneRecord {  // table echos
  std::optional<std::string> voice_model_id, face_model_id;
  std::string settings_json = "{}";
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<Echo>& table();
};

struct Message {  // table messages; added to, never changed
  std::string id, user_id, echo_id;
  std::optional<std::string> session_id;  // none: typed over HTTP
  std::string role;                       // user | assistant | system | tool
  std::string content;
  WallTime created_at{}, updated_at{};
  static const Table<Message>& table();
};

struct ConversationSession : SessionRecord {  // table conversation_sessions
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<ConversationSession>& table();
};

struct ConversationTurn : TurnRecord {  // table conversation_turns
  std::string id;
  WallTime created_at{}, updated_at{};
  static const Table<ConversationTurn>& table();
};

using MessageRepository = Repository<Message>;
using ConversationTurnRepository = Repository<ConversationTurn>;

}  // namespace repartee::persistence
