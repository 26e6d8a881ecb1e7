// A text that must not be printed: no stream operator, no conversion; only reveal() gives it out, where it is used.
// Thread contract: values only.
#pragma once
#include <string>
#include <utility>

namespace repartee::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  std::string masked() const { return value_.empty() ? "" : "***"; }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

}  // namespace repartee::config
