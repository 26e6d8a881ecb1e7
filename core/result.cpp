#include "core/result.hpp"

namespace repartee {

const char* to_string(Errc code) {
  switch (code) {
    case Errc::ok: return "ok";
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::not_found: return "not_found";
    case Errc::conflict: return "conflict";
    case Errc::unauthenticated: return "unauthenticated";
    case Errc::permission_denied: return "permission_denied";
    case Errc::resource_exhausted: return "resource_exhausted";
    case Errc::deadline_exceeded: return "deadline_exceeded";
    case Errc::cancelled: return "cancelled";
    case Errc::unavailable: return "unavailable";
    case Errc::in_doubt: return "in_doubt";
    case Errc::data_corrupt: return "data_corrupt";
    case Errc::internal: return "internal";
  }
  return "internal";
}

}  // namespace repartee
