// Everything an operator can set, as plain values with their defaults. The names are those of config/default.toml; config/keys.cpp says
// what each one means and what it may be. Made by config::load (load.hpp), passed by value or reference to whoever wires the parts.
// Thread contract: values only.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/secret.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"

namespace repartee::config {

using Seconds = std::chrono::seconds;
using Minutes = std::chrono::minutes;

struct Server {
  std::string listen = "127.0.0.1:8080";
  std::string address = "127.0.0.1";  // from listen, by load
  std::uint16_t port = 8080;          // from listen, by load; 0: any free one
  bool insecure = false;              // listening beyond loopback without TLS and keys is meant
  std::string tls_cert, tls_key;      // PEM files; both or neither
  std::string data_dir = "./data";
  int threads = 0;  // I/O loops; 0: one a core
  std::string node;  // empty: load makes it "local", or with a database of one's own host name and port
  int sessions_max = 2000;
  int connections_per_address_max = 1024;  // loopback is not counted; 0: no limit
  std::int64_t message_bytes_max = 2 * 1024 * 1024;
  std::int64_t send_buffer_bytes_max = 1024 * 1024;
  std::vector<std::string> allowed_origins;  // besides the server's own
  Minutes session_max{120};
  Seconds drain{30};
  Seconds resume{30};       // a lost connection may come back; 0: not
  Millis admission_lag{100};  // 0: load is not looked at
  int admission_busy_percent = 92;
  Millis admission_wait{600};  // of turns, for inference; 0: not looked at
  Millis degrade_lag{25};
  int degrade_busy_percent = 70;
  Millis degrade_wait{150};
  Minutes restore{1440};    // and so long a conversation that is not alive any more; 0: not
  std::string web_dir;  // serve the page from here instead of the built-in copy; empty: built-in
};

struct Log {
  std::string level = "info", format = "text";
  log::Options options() const;
};

struct ApiKey {
  std::string name;        // shows in logs
  Secret key;              // the key itself, or
  std::string key_sha256;  // its SHA-256 in hexadecimal; exactly one of both
  std::string user;        // external id of the user it acts for; empty: the default user
};
// Somebody else's sign-in: tokens signed by them are taken, and make a user here when first seen.
struct Issuer {
  std::string issuer, audience;     // the claims iss and aud
  std::string jwks_url, jwks_file;  // where its keys are; exactly one of both
};
struct Auth {
  Secret api_key;                // short form for one key; load appends it to api_keys as "default"
  std::vector<ApiKey> api_keys;  // empty and not required: open (loopback, or insecure)
  bool required = false;         // load makes it true when there are api_keys
  std::vector<std::string> allowed_hosts;  // Host names that are right on loopback too
  std::string secret_file;       // load makes it auth.secret below data_dir when empty
  bool secret_file_is_ours = false;      // by load: it may be made
  std::string registration = "auto";     // load makes it "open" or "closed"
  std::string verification = "auto";     // load makes it "required" or "optional"
  std::string public_url;                // of links in mails; load makes it of listen when empty
  Minutes access_minutes{15};
  int refresh_days = 7;
  std::vector<Issuer> issuers;
};

// The server that mails are handed to.
struct Mail {
  std::string server;               // host:port; empty: none, links are printed to the log
  std::string security = "starttls";
  std::string username;
  Secret password;
  std::string from;
  std::string ca_file;              // certificates to trust; empty: the system's
  Millis timeout{15'000};
};

// What a user of a tier may do; 0: unlimited.
struct Tier {
  int sessions_at_once = 0, session_minutes = 0;
  std::int64_t turns_a_month = 0;
  int upload_megabytes = 0;
  std::int64_t storage_megabytes = 0;
  int requests_a_minute = 0;
};

struct Database {
  Secret url;  // empty: the embedded cluster below data_dir
  Secret app_url, recorder_url;  // empty: url, as another role
  int pool_size = 8;
  Millis acquire_timeout{10'000}, connect_timeout{10'000};
  Seconds idle_timeout{600};
  Millis statement_timeout{30'000}, slow_query{100};
  bool log_sql = false;
  std::string wal_archive_dir;  // of the embedded cluster; empty: none
};

struct Models {
  std::string dir;  // load makes it the cache directory when empty
};

struct Inference {
  int workers = 0;  // 0: one a core
  int queue_jobs_max = 256;
};

struct Vad {
  double threshold = 0.5;
  Millis prefix_padding{300}, silence_duration{500};
  Millis tick{8};
  Millis speculation_silence{160};
  Millis interruption_voiced{160};
};

struct AsrOpenAi {
  std::string base_url;
  Secret api_key;
  std::string model = "whisper-1";
  Millis timeout{8'000};
};
struct Asr {
  std::string provider = "moonshine";
  Millis partial_interval{500}, deadline{8'000};
  Seconds utterance_max{60};
  bool metered_captions = false;
  AsrOpenAi openai;
};

struct LlmOpenAi {
  std::string base_url;
  Secret api_key;
  std::string model;
  double temperature = -1;  // below 0: not sent, the endpoint's own default
};
struct Llm {
  std::string provider = "auto";  // load makes it "openai" or "local"
  Millis first_token_deadline{10'000}, deadline{60'000};
  int context_tokens_max = 6000, output_tokens_max = 1024;
  int history_messages_max = 20;  // of earlier conversations
  LlmOpenAi openai;
};

struct TtsOpenAi {
  std::string base_url;
  Secret api_key;
  std::string model = "tts-1", voice = "alloy";
};
struct Tts {
  std::string provider = "kokoro";
  std::string voice;  // empty: the provider's default
  Millis deadline{15'000};
  TtsOpenAi openai;
  std::map<std::string, std::string> voice_aliases = {
      {"alloy", "kokoro/af_alloy"},  {"ash", "kokoro/am_michael"}, {"ballad", "kokoro/bm_fable"}, {"cedar", "kokoro/am_adam"},
      {"coral", "kokoro/af_bella"},  {"echo", "kokoro/am_echo"},   {"marin", "kokoro/af_heart"},  {"sage", "kokoro/bf_emma"},
      {"shimmer", "kokoro/af_nova"}, {"verse", "kokoro/am_puck"},
  };  // a client's voice name -> "provider/voice"
};

struct EmbeddingsOpenAi {
  std::string base_url;
  Secret api_key;
  std::string model = "text-embedding-3-small";
  int dimension = 1536;
  Millis timeout{8'000};
};
struct Embeddings {
  std::string provider = "local";
  EmbeddingsOpenAi openai;
};

// Answers from documents: what a turn looks up, and for how long it waits.
struct Knowledge {
  int passages_max = 5, tokens_max = 1500;
  Millis patience{150};
  int index_mb = 1024;
};

struct Opus {
  int complexity = 5, bitrate_bps = 24'000;
};

struct Playout {
  Millis lead{200}, heard_wait{300};
};

// What a provider charges, in US dollars. A provider that is not in the table costs nothing.
struct Price {
  double asr_usd_per_minute = 0;
  double llm_usd_per_million_input_tokens = 0, llm_usd_per_million_output_tokens = 0;
  double tts_usd_per_million_characters = 0;
  double embedding_usd_per_million_tokens = 0;
};

struct Recorder {
  int queue_items_max = 10'000, batch_items_max = 500;
  bool journal = true;
  int journal_mb_max = 1024;
  Millis shutdown_budget{5'000};
};

// What was said, answered or found before is kept. Costs memory and a little of the database.
struct Cache {
  bool enabled = true;
  int l1_mb = 64;
  bool phrase_audio = true, llm_answers = true;
};

// What is kept in files besides the database: blobs, the journal, backups.
struct Storage {
  std::string blob_dir;  // empty: blobs below data_dir
  std::string key_file;  // empty: nothing is encrypted
};

// Requests a minute, by user or address, over all nodes together.
struct Limits {
  bool enabled = true;
  int general_per_minute = 60, login_per_minute = 10, upload_per_minute = 20, analysis_per_minute = 30, sessions_per_minute = 60;
  int sessions_per_user_max = 0;          // at once, on a node; 0: no limit
  double control_events_per_second = 50;  // of one client, besides audio
  double audio_real_time_factor = 3;      // how much faster than it sounds audio may come, for long
  int local_factor = 10;  // so many times as much for callers without a key on a server that is open on loopback
};

// Uploaded documents, and what reading one may take.
struct Documents {
  int upload_mb_max = 100;   // of any tier
  int uploads_at_once = 4;
  Seconds read_max{60};
  int read_memory_mb_max = 1024;
};

// How long what is kept.
struct Retention {
  int soft_deleted_days = 30, conversations_days = 365, audit_days = 730, expired_files_days = 0, results_days = 1;
};

// Jobs of a queue that this node does at once.
struct Jobs {
  int default_workers = 2, audio_workers = 1, analysis_workers = 1, embeddings_workers = 1;
};

// The deterministic providers for tests and load: what they say, and after how long.
struct Scripted {
  std::vector<std::string> asr_lines, llm_lines;  // taken in turn; empty: the provider's own
  Millis asr{30}, llm_first_token{20}, tts_first_audio{20};
};

struct Settings {
  Server server;
  Log log;
  Auth auth;
  Mail mail;
  std::map<std::string, Tier> tiers = {
      {"enterprise", {}},
      {"free", {.sessions_at_once = 3, .session_minutes = 30, .turns_a_month = 2'000, .upload_megabytes = 25, .storage_megabytes = 1'024,
                .requests_a_minute = 60}},
      {"pro", {.sessions_at_once = 20, .session_minutes = 120, .turns_a_month = 50'000, .upload_megabytes = 100,
               .storage_megabytes = 20'480, .requests_a_minute = 300}},
  };
  Database database;
  Models models;
  Inference inference;
  Vad vad;
  Asr asr;
  Llm llm;
  Tts tts;
  Embeddings embeddings;
  Knowledge knowledge;
  Opus opus;
  Playout playout;
  std::map<std::string, Price> prices = {{"openai", {}}};  // by provider name
  Recorder recorder;
  Cache cache;
  Storage storage;
  Limits limits;
  Documents documents;
  Retention retention;
  Jobs jobs;
  Scripted scripted;
};

}  // namespace repartee::config
