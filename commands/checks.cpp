#include "commands/checks.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

#include "persistence/migrate.hpp"
#include "persistence/postgres_install.hpp"
#include "persistence/sealed_bytes.hpp"
#include "realtime/transport/tls_context.hpp"

namespace repartee::commands {

namespace {

using Level = Finding::Level;
namespace fs = std::filesystem;

const char* const postgres_root = "/usr/lib/postgresql";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The path itself, or what of it is there already.
fs::path nearest_existing(fs::path path) {
  std::error_code failure;
  path = fs::absolute(path, failure);
  while (path.has_relative_path() && !is_there(path)) path = path.parent_path();
  return path;
}

Finding check_model(const std::string& what, const fs::path& dir, const std::vector<const char*>& files) {
  for (const char* file : files) {
    if (!is_there(dir / file)) return {Level::error, what + ": " + (dir / file).string() + " is missing: run `repartee models fetch`"};
  }
  return {Level::ok, what + ": in place"};
}

Finding migrations_of(const persistence::DatabaseTarget& owner) {
  const auto states = persistence::Migrator(owner).status();
  if (!states) return {Level::error, "database " + persistence::describe(owner) + ": " + states.error().message};
  std::size_t open = 0;
  for (const persistence::MigrationState& state : *states) {
    if (state.changed) return {Level::error, "database: migration " + state.name + " was applied with another text"};
    open += !state.applied_at;
  }
  const std::string todo = open == 0 ? "the schema is up to date" : std::to_string(open) + " migrations will be applied at the start";
  return {Level::ok, "database " + persistence::describe(owner) + ": reached, " + todo};
}

}  // namespace

Findings check_models(const config::Settings& settings) {
  const fs::path dir = settings.models.dir;
  Findings findings = {check_model("voice activity (silero)", dir, {"silero/silero_vad_v6.onnx"})};
  if (settings.asr.provider == "moonshine") {
    findings.push_back(check_model(
        "speech recognition (moonshine)", dir,
        {"moonshine-tiny/encoder_model.onnx", "moonshine-tiny/decoder_model_merged.onnx", "moonshine-tiny/llama-tokenizer.js"}));
  }
  if (settings.tts.provider == "kokoro") {
    findings.push_back(
        check_model("voice (kokoro)", dir, {"kokoro/kokoro-prepared.onnx", "kokoro/tokenizer.json", "kokoro/voices/af_heart.bin"}));
  }
  if (settings.embeddings.provider == "local") {
    Finding use_lite = check_model("embeddings (use-lite)", dir, {"use-lite/model.json", "use-lite/vocab.json", "use-lite/group1-shard1of7"});
    if (use_lite.level == Level::error) use_lite = {Level::warning, use_lite.text + ". Documents are searched by their words only"};
    findings.push_back(std::move(use_lite));
  }
  return findings;
}

Findings check_database(const config::Settings& settings) {
  if (settings.database.url.empty()) {
    const auto found = persistence::choose_postgres({}, postgres_root, fs::path(settings.server.data_dir) / "postgres" / "cluster");
    if (!found) return {{Level::error, "embedded PostgreSQL: " + found.error().message}};
    return {{Level::ok, "embedded PostgreSQL: version " + std::to_string(found->version) + " in " + found->bin_dir.string()}};
  }
  const auto target = persistence::parse_target(settings.database.url.reveal());
  if (!target) return {{Level::error, "database: " + target.error().message}};
  return {migrations_of(persistence::targets_of(*target).owner)};
}

Findings check_listening(const config::Server& server) {
  Findings findings;
  if (!server.tls_cert.empty()) {
    const auto context = transport::load_tls_context(server.tls_cert, server.tls_key);
    findings.push_back(context ? Finding{Level::ok, "TLS: certificate and key fit"}
                               : Finding{Level::error, "TLS: " + context.error().message});
  }
  namespace asio = boost::asio;
  asio::io_context io;
  boost::system::error_code failure;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(server.address), server.port);
  asio::ip::tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(1, failure);
  if (failure == asio::error::address_in_use) {
    findings.push_back(
        {Level::warning, "port " + std::to_string(server.port) + " is taken: by a running server, or choose another with --listen"});
  } else if (failure) {
    findings.push_back({Level::error, "cannot listen on " + server.listen + ": " + failure.message()});
  } else {
    findings.push_back({Level::ok, "listening on " + server.listen + " is possible"});
  }
  return findings;
}

Findings check_directories(const config::Server& server) {
  Findings findings;
  const fs::path data = nearest_existing(server.data_dir);
  std::error_code ignored;
  if (!fs::is_directory(data, ignored)) findings.push_back({Level::error, "data directory: " + data.string() + " is not a directory"});
  else if (::access(data.c_str(), W_OK) != 0)
    findings.push_back({Level::error, "data directory: no permission to write in " + data.string()});
  else findings.push_back({Level::ok, "data directory: " + fs::absolute(server.data_dir, ignored).string() + " can be written"});
  if (!server.web_dir.empty() && !is_there(fs::path(server.web_dir) / "index.html")) {
    findings.push_back({Level::error, "web_dir: there is no index.html in " + server.web_dir});
  }
  return findings;
}

Findings check_storage(const config::Storage& storage) {
  if (storage.key_file.empty()) return {};
  const auto keys = persistence::SealingKeys::load(storage.key_file);
  if (!keys) return {{Level::error, "[storage] key_file: " + keys.error().message + "; `repartee keys rotate` makes one"}};
  const auto count = keys->ids().size();
  return {{Level::ok, "encryption: " + std::to_string(count) + (count == 1 ? " key, " : " keys, ") + keys->writing_key_id() + " writes"}};
}

Findings check_prices(const config::Settings& settings) {
  const auto found = settings.prices.find("openai");
  const config::Price price = found == settings.prices.end() ? config::Price() : found->second;
  Findings findings;
  const auto remind = [&](const std::string& stage, const std::string& base_url, double usd) {
    if (usd == 0 && base_url.starts_with("https://")) {
      findings.push_back({Level::warning, "[prices.openai] has no price for " + stage + ": its cost will be written as 0"});
    }
  };
  if (settings.asr.provider == "openai") remind("asr", settings.asr.openai.base_url, price.asr_usd_per_minute);
  if (settings.llm.provider == "openai") remind("llm", settings.llm.openai.base_url, price.llm_usd_per_million_output_tokens);
  if (settings.tts.provider == "openai") remind("tts", settings.tts.openai.base_url, price.tts_usd_per_million_characters);
  if (settings.embeddings.provider == "openai") remind("embeddings", settings.embeddings.openai.base_url, price.embedding_usd_per_million_tokens);
  return findings;
}

Findings check_all(const config::Settings& settings) {
  Findings all;
  for (Findings part : {check_models(settings), check_database(settings), check_listening(settings.server),
                        check_directories(settings.server), check_storage(settings.storage), check_prices(settings)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace repartee::commands
