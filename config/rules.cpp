#include "config/rules.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

namespace repartee::config {

namespace {

constexpr std::size_t api_key_bytes_min = 16;
constexpr std::size_t node_chars_max = 300;

class Rules {
 public:
  Rules(Loaded& loaded, const Environment& environment) : loaded_(loaded), s_(loaded.settings), environment_(environment) {}

  std::vector<std::string> apply() {
    api_keys();
    listening();
    load();
    accounts();
    issuers();
    mail();
    tiers();
    database();
    node();
    models();
    recognition();
    answering();
    speaking();
    embedding();
    return std::move(errors_);
  }

 private:
  std::string place(const std::string& key) const {
    const auto origin = loaded_.origins.find(key);
    return origin == loaded_.origins.end() ? "" : origin->second + ": ";
  }
  void fail(const std::string& key, const std::string& message) { errors_.push_back(place(key) + message); }
  std::string variable(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? "" : found->second;
  }

  void load() {
    const auto& server = s_.server;
    const auto in_order = [this](const std::string& key, auto first, auto full) {
      if (first > full) fail("server." + key, "server." + key + " must not be above the value at which calls are refused");
    };
    if (server.admission_lag.count() == 0) return;
    in_order("degrade_lag_ms", server.degrade_lag, server.admission_lag);
    in_order("degrade_busy_percent", server.degrade_busy_percent, server.admission_busy_percent);
    if (server.admission_wait.count() > 0) in_order("degrade_wait_ms", server.degrade_wait, server.admission_wait);
  }

  void api_keys() {
    if (!s_.auth.api_key.empty()) {
      const std::string entry = "auth.api_keys[" + std::to_string(s_.auth.api_keys.size()) + "].";
      loaded_.origins[entry + "name"] = loaded_.origins[entry + "key"] = loaded_.origins["auth.api_key"];
      s_.auth.api_keys.push_back({.name = "default", .key = s_.auth.api_key, .key_sha256 = "", .user = ""});
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < s_.auth.api_keys.size(); ++i) {
      ApiKey& key = s_.auth.api_keys[i];
      const std::string at = "auth.api_keys[" + std::to_string(i) + "].";
      if (key.name.empty()) fail(at + "key", "[[auth.api_keys]] number " + std::to_string(i + 1) + " needs a name");
      else if (!names.insert(key.name).second) fail(at + "name", "[[auth.api_keys]] has the name \"" + key.name + "\" twice");
      if (key.key.empty() == key.key_sha256.empty())
        fail(at + "name", "[[auth.api_keys]] \"" + key.name + "\" needs either key or key_sha256, one of them");
      if (!key.key.empty() && key.key.reveal().size() < api_key_bytes_min) {
        fail(at + "key",
             "[[auth.api_keys]] \"" + key.name + "\": the key is shorter than " + std::to_string(api_key_bytes_min) + " characters");
      }
      if (!key.key_sha256.empty() && !is_sha256(key.key_sha256)) {
        fail(at + "key_sha256", "[[auth.api_keys]] \"" + key.name + "\": key_sha256 must be 64 hexadecimal digits");
      }
      std::transform(key.key_sha256.begin(), key.key_sha256.end(), key.key_sha256.begin(), [](unsigned char c) { return std::tolower(c); });
    }
  }
  static bool is_sha256(const std::string& text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c); });
  }

  void listening() {
    if (s_.server.tls_cert.empty() != s_.server.tls_key.empty()) {
      fail(s_.server.tls_cert.empty() ? "server.tls_key" : "server.tls_cert", "[server] tls_cert and tls_key are needed together");
    }
    const Result<ListenAddress> parsed = parse_listen(s_.server.listen);
    if (!parsed) return fail("server.listen", "[server] listen " + parsed.error().message);
    s_.server.address = parsed->address;
    s_.server.port = parsed->port;
    s_.auth.required = s_.auth.required || !s_.auth.api_keys.empty();
    const bool tls = !s_.server.tls_cert.empty(), keys = s_.auth.required;
    if (parsed->loopback || (tls && keys)) return;
    const std::string lacks = tls ? "API keys" : keys ? "TLS" : "TLS and API keys";
    if (s_.server.insecure) {
      loaded_.warnings.push_back("listening on " + s_.server.listen + " without " + lacks +
                                 (keys ? "" : ": anybody who reaches it may talk to it"));
    } else {
      fail("server.listen",
           "[server] listen " + s_.server.listen + " is reachable from other machines and needs TLS and an API key, but there is no " +
               (tls    ? "API key"
                : keys ? "TLS"
                       : "TLS and no API key") +
               ". Set tls_cert and tls_key, and [auth] api_key (REPARTEE_AUTH_API_KEY) or, for users with accounts, [auth] required = true; or listen on 127.0.0.1; or say --insecure "
               "(insecure = true) when a proxy before it does both");
    }
  }

  void accounts() {
    auto& auth = s_.auth;
    auth.secret_file_is_ours = auth.secret_file.empty();
    if (auth.secret_file.empty()) auth.secret_file = std::filesystem::path(s_.server.data_dir) / "auth.secret";
    const Result<ListenAddress> listen = parse_listen(s_.server.listen);
    if (auth.registration == "auto") auth.registration = listen && listen->loopback ? "open" : "closed";
    if (auth.verification == "auto") auth.verification = s_.mail.server.empty() ? "optional" : "required";
    if (auth.public_url.empty() && listen) {
      const std::string host = listen->address.find(':') == std::string::npos ? listen->address : "[" + listen->address + "]";
      auth.public_url = (s_.server.tls_cert.empty() ? "http://" : "https://") + host + ":" + std::to_string(listen->port);
    }
    while (auth.public_url.ends_with('/')) auth.public_url.pop_back();
    if (!auth.public_url.starts_with("http://") && !auth.public_url.starts_with("https://") && listen)
      fail("auth.public_url", "[auth] public_url must begin with http:// or https://");
  }

  void issuers() {
    std::set<std::string> names;
    for (std::size_t i = 0; i < s_.auth.issuers.size(); ++i) {
      const Issuer& issuer = s_.auth.issuers[i];
      const std::string at = "auth.issuers[" + std::to_string(i) + "].", called = "[[auth.issuers]] number " + std::to_string(i + 1);
      if (issuer.issuer.empty() || issuer.audience.empty()) fail(at + "issuer", called + " needs issuer and audience");
      else if (!names.insert(issuer.issuer).second) fail(at + "issuer", called + ": the issuer " + issuer.issuer + " is there twice");
      if (issuer.jwks_url.empty() == issuer.jwks_file.empty()) fail(at + "issuer", called + " needs either jwks_url or jwks_file, one of them");
      if (!issuer.jwks_url.empty() && !issuer.jwks_url.starts_with("https://") && !is_local_url(issuer.jwks_url))
        fail(at + "jwks_url", called + ": jwks_url must begin with https:// (http:// only on this machine): keys that others can change prove nothing");
    }
  }
  static bool is_local_url(const std::string& url) {
    for (const char* local : {"http://127.0.0.1:", "http://127.0.0.1/", "http://localhost:", "http://localhost/", "http://[::1]"})
      if (url.starts_with(local)) return true;
    return false;
  }

  void mail() {
    const auto& mail = s_.mail;
    if (mail.server.empty()) return;
    const std::size_t colon = mail.server.rfind(':');
    const std::string port = colon == std::string::npos ? "" : mail.server.substr(colon + 1);
    const bool numeric = !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); });
    if (!numeric || colon == 0 || mail.server.find_first_of("/@ ") != std::string::npos) fail("mail.server", "[mail] server must be host:port");
    if (mail.from.find('@') == std::string::npos || mail.from.find_first_of(" <>") != std::string::npos)
      fail("mail.server", "[mail] server is set, so it needs from: the sender's address, as repartee@example.org");
    if (mail.security == "none" && !mail.username.empty())
      loaded_.warnings.push_back("[mail] security = \"none\" sends the mail server's password unencrypted");
  }

  void tiers() {
    for (const auto& [name, tier] : s_.tiers)
      if (name != "free" && name != "pro" && name != "enterprise")
        errors_.push_back("[tiers." + name + "]: there are the tiers free, pro and enterprise");
  }

  void database() {
    for (const auto& [name, secret] :
         {std::pair{"url", &s_.database.url}, {"app_url", &s_.database.app_url}, {"recorder_url", &s_.database.recorder_url}}) {
      const std::string& url = secret->reveal();
      const std::string key = std::string("database.") + name;
      if (url.empty() || url.starts_with("postgresql://") || url.starts_with("postgres://") || url.find('=') != url.npos) continue;
      fail(key, std::string("[database] ") + name + " must be postgresql://user:password@host/name, or key=value pairs of libpq");
    }
    if (s_.database.url.empty() && !(s_.database.app_url.empty() && s_.database.recorder_url.empty()))
      fail("database.app_url", "[database] app_url and recorder_url are further logins of the database at url, which is not set");
  }

  void node() {
    std::string& name = s_.server.node;
    if (name.empty() && s_.database.url.empty()) name = "local";
    if (name.empty()) {
      char host[256] = {};
      gethostname(host, sizeof host - 1);
      name = std::string(host) + ":" + std::to_string(s_.server.port);
    }
    const auto is_plain = [](unsigned char c) {
      return std::isalnum(c) != 0 || std::string_view("-_.:").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (name.size() > node_chars_max || !std::all_of(name.begin(), name.end(), is_plain))
      fail("server.node", "[server] node may have at most " + std::to_string(node_chars_max) + " letters, digits, and -_.:");
  }

  void models() {
    if (!s_.models.dir.empty()) return;
    const std::string cache = variable("XDG_CACHE_HOME"), home = variable("HOME");
    if (cache.empty() && home.empty())
      return fail("models.dir", "HOME is not set: say where the models are with [models] dir (REPARTEE_MODELS_DIR)");
    s_.models.dir = (cache.empty() ? std::filesystem::path(home) / ".cache" : std::filesystem::path(cache)) / "repartee" / "models";
  }

  void endpoint(const std::string& section, bool chosen, const std::string& base_url, const std::string& model) {
    if (!base_url.empty() && !base_url.starts_with("http://") && !base_url.starts_with("https://")) {
      fail(section + ".base_url", "[" + section + "] base_url must begin with http:// or https://");
    }
    if (!chosen) return;
    const std::string stage = section.substr(0, section.find('.'));
    if (base_url.empty()) fail(stage + ".provider", "[" + stage + "] provider \"openai\" needs [" + section + "] base_url");
    if (model.empty()) fail(section + ".base_url", "[" + section + "] base_url is set, so it needs a model");
  }

  void recognition() { endpoint("asr.openai", s_.asr.provider == "openai", s_.asr.openai.base_url, s_.asr.openai.model); }

  void answering() {
    if (s_.llm.provider == "auto") {
      s_.llm.provider = s_.llm.openai.base_url.empty() ? "local" : "openai";
      loaded_.origins["llm.provider"] = "auto";
    }
    endpoint("llm.openai", s_.llm.provider == "openai", s_.llm.openai.base_url, s_.llm.openai.model);
    if (s_.llm.first_token_deadline > s_.llm.deadline) {
      fail("llm.first_token_deadline_ms", "[llm] first_token_deadline_ms is longer than deadline_ms, so it would never be reached");
    }
  }

  void speaking() {
    endpoint("tts.openai", s_.tts.provider == "openai", s_.tts.openai.base_url, s_.tts.openai.model);
    for (const auto& [name, voice] : s_.tts.voice_aliases) {
      const std::size_t slash = voice.find('/');
      if (slash == voice.npos || slash == 0 || slash + 1 == voice.size()) {
        fail("tts.voice_aliases." + name, "[tts.voice_aliases] " + name + " must be \"provider/voice\", as \"kokoro/af_heart\"");
      }
    }
  }

  void embedding() { endpoint("embeddings.openai", s_.embeddings.provider == "openai", s_.embeddings.openai.base_url, s_.embeddings.openai.model); }

  Loaded& loaded_;
  Settings& s_;
  const Environment& environment_;
  std::vector<std::string> errors_;
};

}  // namespace

std::vector<std::string> apply_rules(Loaded& loaded, const Environment& environment) { return Rules(loaded, environment).apply(); }

}  // namespace repartee::config
