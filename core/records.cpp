#include "core/records.hpp"

#include <cstdio>
#include <cstdlib>

namespace repartee {

std::string to_decimal(Money money) {
  char text[40];
  const auto whole = money.e8 / 100'000'000;
  const auto rest = std::llabs(money.e8 % 100'000'000);
  std::snprintf(text, sizeof text, "%s%lld.%08lld", money.e8 < 0 && whole == 0 ? "-" : "", static_cast<long long>(whole), static_cast<long long>(rest));
  return text;
}

}  // namespace repartee
