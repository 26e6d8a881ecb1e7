#include "api/audit.hpp"

#include <nlohmann/json.hpp>

namespace repartee::api {
namespace {

constexpr Duration window = std::chrono::minutes(1);

const char* refusal_action(int status) {
  switch (status) {
    case 401: return "auth.refused";
    case 403: return "request.refused";
    case 404: return "id.unknown";
    case 429: return "limit.refused";
    default: return nullptr;
  }
}

}  // namespace

AuditTrail::AuditTrail(Record record, Options options, Metrics& metrics)
    : record_(std::move(record)),
      options_(std::move(options)),
      lines_(metrics.counter("repartee_audit_lines_total", "lines of HTTP requests given to the audit log")),
      untold_(metrics.counter("repartee_audit_refusals_untold_total", "refusals without a line of their own: too many of one address")) {}

void AuditTrail::note(const Answered& answered, TimePoint now) {
  const char* refused = refusal_action(answered.status);
  nlohmann::json metadata{{"status", answered.status}, {"method", answered.method}};
  if (refused) {
    const auto untold = room_for_refusal(answered.remote_address, now);
    if (!untold) return untold_.add();
    if (*untold > 0) metadata["untold_before"] = *untold;
    if (!answered.action.empty()) metadata["wanted"] = answered.action;
  }
  AuditRecord line;
  line.user_id = answered.user_id.empty() && !refused ? options_.anonymous_user_id : answered.user_id;
  line.action = refused ? refused : answered.action;
  line.resource = answered.path.substr(0, path_bytes_max);
  line.success = answered.status < 400;
  line.ip_address = answered.remote_address;
  line.user_agent = answered.user_agent.substr(0, agent_bytes_max);
  line.metadata_json = metadata.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  lines_.add();
  record_(std::move(line));  // a full queue is counted and logged by the recorder
}

std::optional<int> AuditTrail::room_for_refusal(const std::string& address, TimePoint now) {
  std::lock_guard lock(mutex_);
  if (refusals_.size() >= options_.addresses_max && !refusals_.contains(address)) {
    std::erase_if(refusals_, [&](const auto& entry) { return now - entry.second.since > window; });
    if (refusals_.size() >= options_.addresses_max) refusals_.erase(refusals_.begin());
  }
  auto& known = refusals_[address];
  if (known.lines == 0 || now - known.since > window) {
    known.since = now;
    known.lines = 0;
  }
  if (known.lines >= options_.refusals_max) {
    ++known.untold;
    return std::nullopt;
  }
  ++known.lines;
  return std::exchange(known.untold, 0);
}

}  // namespace repartee::api
