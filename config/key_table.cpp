// Only the table; what it is used for stands in keys.hpp.
#include "config/keys.hpp"

namespace repartee::config {

namespace {

constexpr double day_ms = 86'400'000, mebibyte = 1024 * 1024;

ApiKey& api_key(Settings& s, const std::string& which) {
  const std::size_t index = std::stoul(which);
  if (s.auth.api_keys.size() <= index) s.auth.api_keys.resize(index + 1);
  return s.auth.api_keys[index];
}

Issuer& issuer(Settings& s, const std::string& which) {
  const std::size_t index = std::stoul(which);
  if (s.auth.issuers.size() <= index) s.auth.issuers.resize(index + 1);
  return s.auth.issuers[index];
}

// One row's way to its field: W is only used where the key stands for many.
#define REPARTEE_FIELD(expression) [](Settings& s, [[maybe_unused]] const std::string& which) -> Target { return &(expression); }

const Key table[] = {
    {"server", "listen", REPARTEE_FIELD(s.server.listen),
     "Where to listen: ADDRESS:PORT, the address an IP address or localhost, [::1]:8080 for IPv6. Beyond loopback it needs TLS and an API "
     "key."},
    {"server", "insecure", REPARTEE_FIELD(s.server.insecure),
     "Allow listening beyond loopback without TLS or without API keys, for example behind a proxy that does both."},
    {"server", "tls_cert", REPARTEE_FIELD(s.server.tls_cert),
     "PEM file with the certificate chain; TLS on the same port. Together with tls_key."},
    {"server", "tls_key", REPARTEE_FIELD(s.server.tls_key), "PEM file with the certificate's private key."},
    {"server", "data_dir", REPARTEE_FIELD(s.server.data_dir),
     "Directory of everything the server keeps: its database cluster, journal, audio."},
    {"server", "threads", REPARTEE_FIELD(s.server.threads), "I/O loops, one thread each. 0: one a core.", 0, 256},
    {"server", "node", REPARTEE_FIELD(s.server.node),
     "This server's name among several on one database; it must stay the same from start to start. Empty: \"local\", or, with [database] "
     "url, host name and port."},
    {"server", "sessions_max", REPARTEE_FIELD(s.server.sessions_max), "Conversations at once; one more is refused with 503.", 1, 1'000'000},
    {"server", "connections_per_address_max", REPARTEE_FIELD(s.server.connections_per_address_max),
     "Connections at once of one address (IPv6: of one /64 network); loopback is not counted. 0: no limit. A proxy elsewhere needs more.", 0, 1'000'000},
    {"server", "message_bytes_max", REPARTEE_FIELD(s.server.message_bytes_max), "The largest WebSocket message taken.", 4096,
     64 * mebibyte},
    {"server", "send_buffer_bytes_max", REPARTEE_FIELD(s.server.send_buffer_bytes_max),
     "What may wait for a client that reads slowly; beyond it the client is dropped.", 65536, 256 * mebibyte},
    {"server", "allowed_origins", REPARTEE_FIELD(s.server.allowed_origins),
     "Web origins (https://example.org) whose pages may open a conversation, besides the server's own page."},
    {"server", "session_minutes_max", REPARTEE_FIELD(s.server.session_max), "The longest conversation.", 1, 1440},
    {"server", "drain_seconds", REPARTEE_FIELD(s.server.drain),
     "How long running conversations may finish when the server is asked to stop.", 0, 3600},
    {"server", "resume_seconds", REPARTEE_FIELD(s.server.resume),
     "How long a conversation whose connection was lost waits for its client to come back. 0: it ends at once.", 0, 3600},
    {"server", "restore_minutes", REPARTEE_FIELD(s.server.restore),
     "How long after its last activity a conversation that has ended, or was lost with the server, may be gone on with. 0: never.", 0, 525'600},
    {"server", "admission_lag_ms", REPARTEE_FIELD(s.server.admission_lag),
     "New conversations get 503 while the loops run their timers later than this (p98 of a second). 0: load is not looked at.", 0, 10'000},
    {"server", "admission_busy_percent", REPARTEE_FIELD(s.server.admission_busy_percent),
     "And while a loop uses more of its core than this.", 10, 1'000},
    {"server", "web_dir", REPARTEE_FIELD(s.server.web_dir),
     "Serve the page from this directory, for work on it. Empty: the copy built into the program."},

    {"log", "level", REPARTEE_FIELD(s.log.level), "What is worth a line.", 0, 0, {"debug", "info", "warn", "error"}},
    {"log", "format", REPARTEE_FIELD(s.log.format), "Lines for people, or one JSON object a line.", 0, 0, {"text", "json"}},

    {"auth", "api_key", REPARTEE_FIELD(s.auth.api_key),
     "One API key, the short form of an [[auth.api_keys]] entry; best set by its variable."},
    {"auth", "required", REPARTEE_FIELD(s.auth.required),
     "Refuse whoever shows neither a key nor a sign-in. Always so where there are API keys here; true lets users with accounts of their own "
     "in, and nobody else."},
    {"auth",
     "registration",
     REPARTEE_FIELD(s.auth.registration),
     "Whether people may make themselves an account. auto: open when listening on loopback, closed beyond. Closed, `repartee users add` "
     "invites them.",
     0,
     0,
     {"auto", "open", "closed"}},
    {"auth",
     "verification",
     REPARTEE_FIELD(s.auth.verification),
     "Whether an address must be verified, by a mailed link, before its user can sign in. auto: where a mail server is configured.",
     0,
     0,
     {"auto", "required", "optional"}},
    {"auth", "public_url", REPARTEE_FIELD(s.auth.public_url),
     "Where people reach this server, as https://voice.example.org: the beginning of links in mails. Empty: made of listen."},
    {"auth", "secret_file", REPARTEE_FIELD(s.auth.secret_file),
     "File with the secret behind sign-ins and ephemeral keys: 64 hexadecimal digits, for its owner's eyes only, the same on all nodes. "
     "Empty: auth.secret in data_dir, made when it is missing."},
    {"auth", "access_minutes", REPARTEE_FIELD(s.auth.access_minutes), "How long an access token is good; it is renewed with the refresh token.",
     1, 1440},
    {"auth", "refresh_days", REPARTEE_FIELD(s.auth.refresh_days), "A sign-in that is not used for so long ends.", 1, 365},
    {"auth", "allowed_hosts", REPARTEE_FIELD(s.auth.allowed_hosts),
     "Host names (no port) that are right although the server listens on loopback alone: those of a proxy in front that keeps the Host header."},
    {"auth.api_keys[]", "name", REPARTEE_FIELD(api_key(s, which).name), "What the key is called in logs.", 0, 0, {}, "\"phone app\""},
    {"auth.api_keys[]", "key", REPARTEE_FIELD(api_key(s, which).key), "The key itself, at least 16 characters.", 0, 0, {}, "\"\""},
    {"auth.api_keys[]",
     "key_sha256",
     REPARTEE_FIELD(api_key(s, which).key_sha256),
     "Or its SHA-256 in hexadecimal, so that the file holds no secret (printf %s KEY | sha256sum).",
     0,
     0,
     {},
     "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\""},
    {"auth.api_keys[]",
     "user",
     REPARTEE_FIELD(api_key(s, which).user),
     "External id of the user it acts for. Empty: the default user.",
     0,
     0,
     {},
     "\"\""},

    {"auth.issuers[]", "issuer", REPARTEE_FIELD(issuer(s, which).issuer), "The claim iss, exactly.", 0, 0, {}, "\"https://login.example.org/\""},
    {"auth.issuers[]", "audience", REPARTEE_FIELD(issuer(s, which).audience), "What the claim aud must hold.", 0, 0, {}, "\"repartee\""},
    {"auth.issuers[]",
     "jwks_url",
     REPARTEE_FIELD(issuer(s, which).jwks_url),
     "Where the issuer's public keys are (a JSON Web Key Set), or",
     0,
     0,
     {},
     "\"https://login.example.org/.well-known/jwks.json\""},
    {"auth.issuers[]", "jwks_file", REPARTEE_FIELD(issuer(s, which).jwks_file), "the same as a file.", 0, 0, {}, "\"\""},

    {"mail", "server", REPARTEE_FIELD(s.mail.server),
     "The mail server, host:port (587 for starttls, 465 for tls). Empty: none; the links that would be mailed are printed to the log."},
    {"mail",
     "security",
     REPARTEE_FIELD(s.mail.security),
     "How the connection to it is secured. none is for a server on the same machine.",
     0,
     0,
     {"starttls", "tls", "none"}},
    {"mail", "username", REPARTEE_FIELD(s.mail.username), "Empty: no sign-in there."},
    {"mail", "password", REPARTEE_FIELD(s.mail.password), "Best set by its variable."},
    {"mail", "from", REPARTEE_FIELD(s.mail.from), "The sender's address, as repartee@example.org."},
    {"mail", "ca_file", REPARTEE_FIELD(s.mail.ca_file), "PEM file of certificates to trust. Empty: the system's."},
    {"mail", "timeout_ms", REPARTEE_FIELD(s.mail.timeout), "For one mail.", 100, 120'000},

    {"tiers.*", "sessions_at_once", REPARTEE_FIELD(s.tiers[which].sessions_at_once), "Conversations at once.", 0, 1'000'000},
    {"tiers.*", "session_minutes", REPARTEE_FIELD(s.tiers[which].session_minutes),
     "The longest conversation; never longer than [server] session_minutes_max.", 0, 1440},
    {"tiers.*", "turns_a_month", REPARTEE_FIELD(s.tiers[which].turns_a_month), "Questions answered in a calendar month (UTC).", 0, 1e12},
    {"tiers.*", "upload_megabytes", REPARTEE_FIELD(s.tiers[which].upload_megabytes), "The largest upload.", 0, 1'000'000},
    {"tiers.*", "storage_megabytes", REPARTEE_FIELD(s.tiers[which].storage_megabytes), "Everything uploaded and made, together.", 0, 1e9},
    {"tiers.*", "requests_a_minute", REPARTEE_FIELD(s.tiers[which].requests_a_minute),
     "In place of [limits] general_per_minute.", 0, 1'000'000},

    {"database", "url", REPARTEE_FIELD(s.database.url),
     "postgresql://user:password@host/name, or with a unix socket: postgresql:///name?host=/run/postgresql. Empty: a private cluster under "
     "data_dir, made "
     "and started by the server. DATABASE_URL is read too."},
    {"database", "app_url", REPARTEE_FIELD(s.database.app_url),
     "Another login of the same database, for requests: one that is a member of repartee_app and of nothing else, so that no mistake could "
     "see more than row-level security shows. Empty: that of url, working as repartee_app."},
    {"database", "recorder_url", REPARTEE_FIELD(s.database.recorder_url), "The same for recording: a member of repartee_recorder."},
    {"database", "pool_size", REPARTEE_FIELD(s.database.pool_size), "Connections.", 1, 500},
    {"database", "acquire_timeout_ms", REPARTEE_FIELD(s.database.acquire_timeout), "Waiting for a free connection.", 1, 600'000},
    {"database", "connect_timeout_ms", REPARTEE_FIELD(s.database.connect_timeout), "Waiting for the database to answer a new connection.",
     100, 600'000},
    {"database", "idle_timeout_s", REPARTEE_FIELD(s.database.idle_timeout), "A connection unused for that long is closed.", 1, 86'400},
    {"database", "statement_timeout_ms", REPARTEE_FIELD(s.database.statement_timeout),
     "A statement that takes longer is cancelled. 0: never.", 0, day_ms},
    {"database", "slow_query_ms", REPARTEE_FIELD(s.database.slow_query), "A statement that takes longer is logged. 0: every one.", 0,
     day_ms},
    {"database", "log_sql", REPARTEE_FIELD(s.database.log_sql),
     "Log every statement. Its text, time and rows, never a value."},
    {"database", "wal_archive_dir", REPARTEE_FIELD(s.database.wal_archive_dir),
     "Of the private cluster: keep its log and base backups in this directory, best on another disk, so that `repartee restore --to-time` can "
     "bring back any moment since. Empty: no archive."},

    {"models", "dir", REPARTEE_FIELD(s.models.dir),
     "Where the models are. Empty: $XDG_CACHE_HOME/repartee/models, or ~/.cache/repartee/models."},

    {"inference", "workers", REPARTEE_FIELD(s.inference.workers), "Threads that run speech recognition and synthesis. 0: one a core.", 0,
     256},
    {"inference", "queue_jobs_max", REPARTEE_FIELD(s.inference.queue_jobs_max), "Inference jobs that may wait.", 1, 100'000},

    {"vad", "threshold", REPARTEE_FIELD(s.vad.threshold), "Probability above which a slice is speech; a session may set its own.", 0.05,
     0.95},
    {"vad", "prefix_padding_ms", REPARTEE_FIELD(s.vad.prefix_padding),
     "Audio kept from before the speech start; a session may set its own.", 0, 2000},
    {"vad", "silence_duration_ms", REPARTEE_FIELD(s.vad.silence_duration), "Silence that ends an utterance; a session may set its own.",
     100, 5000},
    {"vad", "tick_ms", REPARTEE_FIELD(s.vad.tick), "How often the waiting slices of all sessions of a loop are run together.", 1, 32},
    {"vad", "speculation_silence_ms", REPARTEE_FIELD(s.vad.speculation_silence),
     "Silence after which the answer is prepared in advance, unsent, in case the user is done.", 32, 5000},
    {"vad", "interruption_voiced_ms", REPARTEE_FIELD(s.vad.interruption_voiced),
     "Voiced sound over a reply that counts as an interruption.", 32, 2000},

    {"asr",
     "provider",
     REPARTEE_FIELD(s.asr.provider),
     "Speech recognition: moonshine runs here; openai is any compatible endpoint, see [asr.openai]; scripted is for tests.",
     0,
     0,
     {"moonshine", "openai", "scripted"}},
    {"asr", "partial_interval_ms", REPARTEE_FIELD(s.asr.partial_interval),
     "How often the caption is renewed while the user speaks. 0: no captions.", 0, 10'000},
    {"asr", "metered_captions", REPARTEE_FIELD(s.asr.metered_captions), "Captions from a recogniser that is paid by the call too (openai): each caption is one more call."},
    {"asr", "deadline_ms", REPARTEE_FIELD(s.asr.deadline), "The final transcript must be there by then.", 100, 120'000},
    {"asr", "utterance_seconds_max", REPARTEE_FIELD(s.asr.utterance_max), "A longer utterance is committed as it is.", 1, 60},
    {"asr.openai", "base_url", REPARTEE_FIELD(s.asr.openai.base_url), "Up to and with /v1; /audio/transcriptions is added."},
    {"asr.openai", "api_key", REPARTEE_FIELD(s.asr.openai.api_key), "Sent as bearer token; best set by its variable."},
    {"asr.openai", "model", REPARTEE_FIELD(s.asr.openai.model), "The model's name at that endpoint."},
    {"asr.openai", "timeout_ms", REPARTEE_FIELD(s.asr.openai.timeout), "For one request.", 100, 120'000},

    {"llm",
     "provider",
     REPARTEE_FIELD(s.llm.provider),
     "What answers: local is the built-in responder (persona and knowledge, no language model); openai any compatible endpoint, see "
     "[llm.openai]; auto is "
     "openai when [llm.openai] base_url is set and local otherwise; scripted is for tests.",
     0,
     0,
     {"auto", "local", "openai", "scripted"}},
    {"llm", "first_token_deadline_ms", REPARTEE_FIELD(s.llm.first_token_deadline), "The answer must have begun by then.", 100, 120'000},
    {"llm", "deadline_ms", REPARTEE_FIELD(s.llm.deadline), "The answer must be complete by then.", 100, 600'000},
    {"llm", "context_tokens_max", REPARTEE_FIELD(s.llm.context_tokens_max), "What of the conversation is sent along, newest first.", 256,
     2'000'000},
    {"llm", "history_messages_max", REPARTEE_FIELD(s.llm.history_messages_max),
     "Of earlier conversations with the clone: so many messages, for text over HTTP and for calls with history=1. 0: none.", 0, 200},
    {"llm", "output_tokens_max", REPARTEE_FIELD(s.llm.output_tokens_max), "The longest answer.", 1, 100'000},
    {"llm.openai", "base_url", REPARTEE_FIELD(s.llm.openai.base_url),
     "Up to and with /v1, as http://127.0.0.1:11434/v1; /chat/completions is added."},
    {"llm.openai", "api_key", REPARTEE_FIELD(s.llm.openai.api_key), "Sent as bearer token; best set by its variable. Empty: none is sent."},
    {"llm.openai", "model", REPARTEE_FIELD(s.llm.openai.model), "The model's name at that endpoint."},
    {"llm.openai", "temperature", REPARTEE_FIELD(s.llm.openai.temperature), "Below 0: not sent, the endpoint decides.", -1, 2},

    {"tts",
     "provider",
     REPARTEE_FIELD(s.tts.provider),
     "The voice: kokoro sounds natural, flite is fast and plain, both run here; openai is any compatible endpoint, see [tts.openai]; "
     "scripted is for tests.",
     0,
     0,
     {"kokoro", "flite", "openai", "scripted"}},
    {"tts", "voice", REPARTEE_FIELD(s.tts.voice),
     "The provider's voice where neither clone nor session names one. Empty: the provider's default."},
    {"tts", "deadline_ms", REPARTEE_FIELD(s.tts.deadline), "A clause must be spoken by then.", 100, 120'000},
    {"tts.openai", "base_url", REPARTEE_FIELD(s.tts.openai.base_url), "Up to and with /v1; /audio/speech is added."},
    {"tts.openai", "api_key", REPARTEE_FIELD(s.tts.openai.api_key), "Sent as bearer token; best set by its variable."},
    {"tts.openai", "model", REPARTEE_FIELD(s.tts.openai.model), "The model's name at that endpoint."},
    {"tts.openai", "voice", REPARTEE_FIELD(s.tts.openai.voice), "The voice's name at that endpoint."},
    {"tts.voice_aliases", "*", REPARTEE_FIELD(s.tts.voice_aliases[which]), ""},

    {"embeddings",
     "provider",
     REPARTEE_FIELD(s.embeddings.provider),
     "What makes vectors of documents and questions, so that what means the same is found: local runs here (English); openai is any compatible "
     "endpoint, see [embeddings.openai]; none leaves it to the words. After a change documents are embedded anew.",
     0,
     0,
     {"local", "openai", "none"}},
    {"embeddings.openai", "base_url", REPARTEE_FIELD(s.embeddings.openai.base_url), "Up to and with /v1; /embeddings is added."},
    {"embeddings.openai", "api_key", REPARTEE_FIELD(s.embeddings.openai.api_key), "Sent as bearer token; best set by its variable."},
    {"embeddings.openai", "model", REPARTEE_FIELD(s.embeddings.openai.model), "The model's name at that endpoint."},
    {"embeddings.openai", "dimension", REPARTEE_FIELD(s.embeddings.openai.dimension), "How many numbers its vectors have.", 8, 8192},
    {"embeddings.openai", "timeout_ms", REPARTEE_FIELD(s.embeddings.openai.timeout), "For one request.", 100, 120'000},

    {"knowledge", "passages_max", REPARTEE_FIELD(s.knowledge.passages_max), "Passages of documents that a turn is answered from.", 1, 20},
    {"knowledge", "tokens_max", REPARTEE_FIELD(s.knowledge.tokens_max), "What they may take of a language model's context.", 100, 100'000},
    {"knowledge", "patience_ms", REPARTEE_FIELD(s.knowledge.patience),
     "How long a turn waits for them after the final transcript. Later ones are left out.", 0, 5000},
    {"knowledge", "index_mb", REPARTEE_FIELD(s.knowledge.index_mb),
     "Memory for the vectors of all documents, in mebibytes; about 2.2 KB a passage. What does not fit is found by its words only.", 16, 262'144},

    {"opus", "complexity", REPARTEE_FIELD(s.opus.complexity), "0 is cheap, 10 sounds best.", 0, 10},
    {"opus", "bitrate_bps", REPARTEE_FIELD(s.opus.bitrate_bps), "Of what is sent.", 6'000, 510'000},

    {"playout", "lead_ms", REPARTEE_FIELD(s.playout.lead), "How far the sent audio may run ahead of its playing.", 0, 300},
    {"playout", "heard_wait_ms", REPARTEE_FIELD(s.playout.heard_wait),
     "After a cut, how long a client's report of what was played is waited for.", 0, 2000},

    {"prices.*", "asr_usd_per_minute", REPARTEE_FIELD(s.prices[which].asr_usd_per_minute), "US dollars a minute of audio recognised.", 0,
     1000},
    {"prices.*", "llm_usd_per_million_input_tokens", REPARTEE_FIELD(s.prices[which].llm_usd_per_million_input_tokens),
     "US dollars a million tokens read.", 0, 100'000},
    {"prices.*", "llm_usd_per_million_output_tokens", REPARTEE_FIELD(s.prices[which].llm_usd_per_million_output_tokens),
     "US dollars a million tokens written.", 0, 100'000},
    {"prices.*", "tts_usd_per_million_characters", REPARTEE_FIELD(s.prices[which].tts_usd_per_million_characters),
     "US dollars a million characters spoken.", 0, 100'000},
    {"prices.*", "embedding_usd_per_million_tokens", REPARTEE_FIELD(s.prices[which].embedding_usd_per_million_tokens),
     "US dollars a million tokens embedded.", 0, 100'000},

    {"recorder", "queue_items_max", REPARTEE_FIELD(s.recorder.queue_items_max), "Turns that may wait for the database.", 100, 10'000'000},
    {"recorder", "batch_items_max", REPARTEE_FIELD(s.recorder.batch_items_max), "Turns written at once.", 1, 10'000},
    {"recorder", "journal", REPARTEE_FIELD(s.recorder.journal),
     "Write turns to a journal below data_dir before they are acknowledged, so that none is lost when the server dies. false: acknowledged "
     "once the database has them."},
    {"recorder", "journal_mb_max", REPARTEE_FIELD(s.recorder.journal_mb_max),
     "Of the journal, in mebibytes, while the database is away; beyond it turns are lost.", 16, 1'048'576},
    {"recorder", "shutdown_budget_ms", REPARTEE_FIELD(s.recorder.shutdown_budget), "How long the rest may take when the server stops.", 0,
     600'000},

    {"cache", "enabled", REPARTEE_FIELD(s.cache.enabled), "Keep what was made before, in memory and in the database. false: everything is made anew."},
    {"cache", "l1_mb", REPARTEE_FIELD(s.cache.l1_mb), "Memory for it, in mebibytes.", 1, 65'536},
    {"cache", "phrase_audio", REPARTEE_FIELD(s.cache.phrase_audio),
     "Keep spoken clauses by voice and text, so that what was said before, as a greeting, needs no synthesis. false for load runs."},
    {"cache", "llm_answers", REPARTEE_FIELD(s.cache.llm_answers),
     "Keep a language model's answers to first questions for an hour. The local responder is never asked to."},

    {"storage", "blob_dir", REPARTEE_FIELD(s.storage.blob_dir),
     "Directory of recordings and other large things. Empty: blobs, below data_dir."},
    {"storage", "key_file", REPARTEE_FIELD(s.storage.key_file),
     "File of keys that blobs, the journal and backups are encrypted with (id:64 hexadecimal digits, one a line, for its owner's eyes only), "
     "the first for writing. `repartee keys rotate` makes it. Empty: not encrypted."},

    {"limits", "enabled", REPARTEE_FIELD(s.limits.enabled), "Refuse what comes too often, with 429. false for load runs."},
    {"limits", "general_per_minute", REPARTEE_FIELD(s.limits.general_per_minute), "Requests that fall under no other limit. 0: unlimited.", 0,
     1'000'000},
    {"limits", "login_per_minute", REPARTEE_FIELD(s.limits.login_per_minute), "Sign-ins, and wrong keys, of one address. 0: unlimited.", 0,
     1'000'000},
    {"limits", "upload_per_minute", REPARTEE_FIELD(s.limits.upload_per_minute), "Uploads. 0: unlimited.", 0, 1'000'000},
    {"limits", "analysis_per_minute", REPARTEE_FIELD(s.limits.analysis_per_minute), "Analyses of recordings. 0: unlimited.", 0, 1'000'000},
    {"limits", "sessions_per_minute", REPARTEE_FIELD(s.limits.sessions_per_minute), "Conversations begun. 0: unlimited.", 0, 1'000'000},
    {"limits", "sessions_per_user_max", REPARTEE_FIELD(s.limits.sessions_per_user_max),
     "Conversations at once of a user with a key, on this node. 0: no limit.", 0, 1'000'000},
    {"limits", "control_events_per_second", REPARTEE_FIELD(s.limits.control_events_per_second),
     "Events besides audio that one client may send for long; ten times as many at once.", 1, 100'000},
    {"limits", "audio_real_time_factor", REPARTEE_FIELD(s.limits.audio_real_time_factor),
     "How much faster than it sounds audio may come for long; two minutes of it at once.", 1, 1'000},
    {"limits", "local_factor", REPARTEE_FIELD(s.limits.local_factor),
     "So many times as much for callers without a key on a server that is open on loopback.", 1, 10'000},

    {"documents", "upload_mb_max", REPARTEE_FIELD(s.documents.upload_mb_max), "The largest document taken, in mebibytes; a tier may allow less.", 1,
     1024},
    {"documents", "uploads_at_once", REPARTEE_FIELD(s.documents.uploads_at_once),
     "Uploads of more than a mebibyte that are taken at once, each held in memory; one more is refused with 503.", 1, 1000},
    {"documents", "read_seconds_max", REPARTEE_FIELD(s.documents.read_max),
     "How long the process that reads a web page, a PDF or a Word document may take.", 1, 3600},
    {"documents", "read_memory_mb_max", REPARTEE_FIELD(s.documents.read_memory_mb_max), "And its memory, in mebibytes.", 128, 65'536},

    {"retention", "soft_deleted_days", REPARTEE_FIELD(s.retention.soft_deleted_days),
     "Until what was deleted is gone for good; users with everything of theirs.", 0, 36'500},
    {"retention", "conversations_days", REPARTEE_FIELD(s.retention.conversations_days), "Conversations, after their last activity.", 1,
     36'500},
    {"retention", "audit_days", REPARTEE_FIELD(s.retention.audit_days), "The audit log, by whole months.", 31, 36'500},
    {"retention", "expired_files_days", REPARTEE_FIELD(s.retention.expired_files_days), "Made audio, after it expired.", 0, 36'500},
    {"retention", "results_days", REPARTEE_FIELD(s.retention.results_days), "Results of jobs.", 1, 3'650},

    {"jobs", "default_workers", REPARTEE_FIELD(s.jobs.default_workers), "For sweeps, exports, erasures and the like.", 1, 64},
    {"jobs", "audio_workers", REPARTEE_FIELD(s.jobs.audio_workers), "For work on recordings.", 1, 64},
    {"jobs", "analysis_workers", REPARTEE_FIELD(s.jobs.analysis_workers), "For analyses.", 1, 64},
    {"jobs", "embeddings_workers", REPARTEE_FIELD(s.jobs.embeddings_workers), "For embeddings.", 1, 64},

    {"scripted", "asr_lines", REPARTEE_FIELD(s.scripted.asr_lines), "What is recognised, taken in turn. Empty: the provider's own."},
    {"scripted", "llm_lines", REPARTEE_FIELD(s.scripted.llm_lines), "What is answered, taken in turn. Empty: the provider's own."},
    {"scripted", "asr_ms", REPARTEE_FIELD(s.scripted.asr), "Until the transcript.", 0, 60'000},
    {"scripted", "llm_first_token_ms", REPARTEE_FIELD(s.scripted.llm_first_token), "Until the answer begins.", 0, 60'000},
    {"scripted", "tts_first_audio_ms", REPARTEE_FIELD(s.scripted.tts_first_audio), "Until a clause's audio begins.", 0, 60'000},
};

#undef REPARTEE_FIELD

const Section section_table[] = {
    {"server", ""},
    {"log", ""},
    {"auth", "Who may talk to the server. Without any key, and not required, it is open, which is allowed on loopback only."},
    {"auth.api_keys[]", ""},
    {"auth.issuers[]", ""},
    {"mail", "Where mails to users go out: addresses to verify, passwords to set anew."},
    {"tiers.*", "What a user of a tier may do. 0: unlimited. Callers with a key of the configuration, and the person at a server that is open "
                "on loopback, are not limited by tiers."},
    {"database", ""},
    {"models", ""},
    {"inference", ""},
    {"vad", "Voice activity and turn taking."},
    {"asr", ""},
    {"asr.openai", "For provider \"openai\"."},
    {"llm", ""},
    {"llm.openai", "Setting base_url is enough to answer with that endpoint's model."},
    {"tts", ""},
    {"tts.openai", "For provider \"openai\"."},
    {"tts.voice_aliases", "Voice names that clients send, and the voice they get: \"provider/voice\". Any name may be added."},
    {"embeddings", ""},
    {"embeddings.openai", "For provider \"openai\"."},
    {"knowledge", "Answers from documents."},
    {"opus", ""},
    {"playout", ""},
    {"prices.*",
     "What a provider charges; each turn is priced with it. A further provider gets a table of its own, as [prices.kokoro]. All zero: "
     "free."},
    {"recorder", "The turns on their way to the database."},
    {"cache", ""},
    {"storage", "Files besides the database."},
    {"limits", "Requests a minute, by user or address, over all nodes together."},
    {"documents", "Uploaded documents. A process of its own reads each, so that a hostile one harms nothing else."},
    {"retention", "How long what is kept; a sweep removes the rest once a day."},
    {"jobs", "Jobs that this node does at once, by queue."},
    {"scripted", "The deterministic providers of tests and load runs; times are theirs."},
};

}  // namespace

std::span<const Key> keys() { return table; }
std::span<const Section> sections() { return section_table; }

}  // namespace repartee::config
