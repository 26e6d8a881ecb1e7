// How a failed statement leaves a transaction: thrown by Transaction::exec, so that everything up to Database::run rolls back, and
// turned into an Error there. It goes no further than that.
#pragma once
#include <stdexcept>
#include <string>

#include "core/result.hpp"

namespace repartee::persistence {

class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(Errc code, const std::string& message, bool connection_broken = false)
      : std::runtime_error(message), code_(code), connection_broken_(connection_broken) {}
  Errc code() const { return code_; }
  bool connection_broken() const { return connection_broken_; }  // the connection must be thrown away
  Error error() const { return {code_, what()}; }

 private:
  Errc code_;
  bool connection_broken_;
};

}  // namespace repartee::persistence
