// What an `error` event says. Thread contract: values.
#pragma once
#include <string>
#include <utility>
#include <variant>

namespace repartee::realtime {

struct ProtocolError {
  std::string type = "invalid_request_error";  // or server_error, rate_limit_error
  std::string code = {};                       // error_codes.hpp
  std::string message = {};                    // for people
  std::string param = {};                      // path of the field, empty: none
  std::string event_id = {};                   // the client event that caused it, empty: none
};

// A value, or what is wrong with the client's input.
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(ProtocolError error) : state_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const ProtocolError& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, ProtocolError> state_;
};

}  // namespace repartee::realtime
