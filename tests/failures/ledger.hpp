// What clients were told against what the database has.
// Thread contract: functions; blocking.
#pragma once
#include <string>

#include "persistence/conninfo.hpp"
#include "tests/failures/callers.hpp"

namespace repartee::test {

struct Ledger {
  std::size_t told = 0, found = 0;  // turns; found: with equal content
  std::size_t rows = 0;             // of the sessions that were told of a turn: may be more, a client may hang up before it hears
  std::string first_difference;     // empty: all are there as they were told
  std::string doubled;              // what stands twice: messages
};
// Every told turn, compared field by field with its row (a row may have a later revision, of which the client was not told: then it only
// must be there).
Ledger compare(const ToldTurns& told, const persistence::DatabaseTarget& owner);

// One value, as the owner.
std::string scalar(const persistence::DatabaseTarget& owner, const char* sql);

}  // namespace repartee::test
