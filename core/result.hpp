// Expected failures travel as values: Result<T> is a T or an Error. Bugs assert instead.
// Thread contract: values only.
#pragma once
#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace repartee {

enum class Errc {
  ok = 0,
  invalid_argument,    // the caller's input is wrong; saying it again will not help
  not_found,           // no such thing, or not the caller's
  conflict,            // the request does not fit the present state
  unauthenticated,     // no valid key
  permission_denied,   // a valid key that may not do this
  resource_exhausted,  // a named limit was reached; later it may work
  deadline_exceeded,   // it took longer than it was given
  cancelled,           // the caller gave up
  unavailable,         // the other side is away; a retry is safe
  in_doubt,            // the connection broke while committing; retry only what is idempotent
  data_corrupt,        // a checksum or a format does not hold
  internal,            // a bug, or an engine's refusal that should not happen
};

const char* to_string(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;  // for people; never holds a secret
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { assert(ok()); return std::get<0>(state_); }
  const T& value() const& { assert(ok()); return std::get<0>(state_); }
  T&& value() && { assert(ok()); return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { assert(!ok()); return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) { assert(error_.code != Errc::ok); }
  bool ok() const { return error_.code == Errc::ok; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { assert(!ok()); return error_; }

 private:
  Error error_{Errc::ok, {}};
};

using Status = Result<void>;

}  // namespace repartee
