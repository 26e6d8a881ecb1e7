#include "persistence/conninfo.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <memory>

#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

using Keys = std::map<std::string, std::string>;

constexpr std::int64_t connect_timeout_s_min = 2;  // libpq's own
constexpr const char* system_certificates = "/etc/ssl/certs/ca-certificates.crt";
// A machine that went without a word (failover, cut network) is noticed after a minute at most; the system's defaults take hours.
constexpr std::pair<const char*, const char*> dead_peer[] = {
    {"keepalives_idle", "20"}, {"keepalives_interval", "10"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}};

// libpq's own message is left out: it repeats the URL, password included.
Result<Keys> parse(std::string_view url) {
  const std::string copy(url);
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(copy.c_str(), &message), &PQconninfoFree);
  if (message) PQfreemem(message);
  if (copy.find('\0') != std::string::npos || !options)
    return Error{Errc::invalid_argument,
                 "the database URL is not understood: give postgres://user@host:port/name, postgres:///name?host=/socket/directory, or "
                 "host=... dbname=..."};
  Keys keys;
  for (const auto* option = options.get(); option->keyword; ++option)
    if (option->val) keys[option->keyword] = option->val;
  return keys;
}

std::string join(const Keys& keys) {
  std::string out;
  for (const auto& [key, value] : keys) {
    out += out.empty() ? "" : " ";
    out += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += "'";
  }
  return out;
}

bool is_this_machine(const std::string& host) {
  return host.empty() || host[0] == '/' || host[0] == '@' || host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

bool is_remote(const Keys& keys) {
  for (const char* key : {"host", "hostaddr"}) {
    const auto found = keys.find(key);
    if (found == keys.end()) continue;
    for (std::size_t from = 0; from <= found->second.size();) {  // several hosts may stand there, with commas between
      const auto comma = std::min(found->second.find(',', from), found->second.size());
      if (!is_this_machine(found->second.substr(from, comma - from))) return true;
      from = comma + 1;
    }
  }
  return false;
}

}  // namespace

Result<DatabaseTarget> parse_target(std::string_view url, Millis connect_timeout) {
  auto parsed = parse(url);
  if (!parsed) return parsed.error();
  Keys& keys = *parsed;
  keys.emplace("connect_timeout", std::to_string(std::max<std::int64_t>((connect_timeout.count() + 999) / 1000, connect_timeout_s_min)));
  keys.emplace("application_name", "repartee");
  keys["client_encoding"] = "UTF8";
  if (is_remote(keys)) {
    if (keys.emplace("sslmode", "verify-full").second && access(system_certificates, R_OK) == 0) keys.emplace("sslrootcert", system_certificates);
    for (const auto& [key, value] : dead_peer) keys.emplace(key, value);
  }
  return DatabaseTarget{join(keys), {}};
}

DatabaseTargets targets_of(const DatabaseTarget& external) {
  return {external, {external.conninfo, roles::app}, {external.conninfo, roles::recorder}};
}

DatabaseTarget with_keys(const DatabaseTarget& target, const std::map<std::string, std::string>& changed) {
  auto keys = parse(target.conninfo);
  if (!keys) return target;
  for (const auto& [key, value] : changed) (*keys)[key] = value;
  return {join(*keys), target.set_role};
}

WithoutPassword without_password(const DatabaseTarget& target) {
  auto keys = parse(target.conninfo);
  if (!keys) return {};
  const auto password = (*keys)["password"];
  keys->erase("password");
  return {join(*keys), password};
}

std::string describe(const DatabaseTarget& target) {
  auto keys = parse(target.conninfo);
  if (!keys) return "(not understood)";
  const auto& user = target.set_role.empty() ? (*keys)["user"] : target.set_role;
  const auto& host = (*keys)["host"].empty() ? (*keys)["hostaddr"] : (*keys)["host"];
  return (user.empty() ? "" : user + "@") + host + "/" + (*keys)["dbname"];
}

}  // namespace repartee::persistence
