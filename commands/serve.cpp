// `repartee serve`: the wiring diagram. Configuration -> objects -> run -> drain.
#include <csignal>
#include <cstdio>
#include <deque>
#include <future>
#include <mutex>

#include "commands/accounts.hpp"
#include "commands/caches.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "commands/engines.hpp"
#include "commands/housekeeping.hpp"
#include "commands/knowledge.hpp"
#include "commands/limits.hpp"
#include "commands/reload.hpp"
#include "commands/routes.hpp"
#include "commands/stop_deadline.hpp"
#include "core/asio_loops.hpp"
#include "core/heap_trimmer.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "persistence/message_history.hpp"
#include "persistence/roles.hpp"
#include "persistence/store.hpp"
#include "persistence/user_repository.hpp"
#include "pipeline/default_clone.hpp"
#include "realtime/auth/tokens.hpp"
#include "realtime/load_sampler.hpp"
#include "realtime/session_gateway.hpp"

namespace repartee::commands {
namespace {

constexpr std::size_t form_bytes_max = 64 * 1024;  // of an upload, around the file
constexpr Duration close_patience = std::chrono::seconds(5);   // for the closing handshakes
constexpr Duration down_patience = std::chrono::seconds(15);   // for the rest of a stop, beside what the recorder may take

int fail(const Error& error) {
  log::error("serve", error.message, {{"code", to_string(error.code)}});
  return exit_failure;
}

// ---- settings -> options of each part ----

persistence::Store::Options store_options(const config::Settings& settings, persistence::TurnJournal::Options journal) {
  persistence::Store::Options options;
  options.node = settings.server.node;
  options.database_url = settings.database.url.reveal();
  options.app_url = settings.database.app_url.reveal();
  options.recorder_url = settings.database.recorder_url.reveal();
  options.connect_timeout = settings.database.connect_timeout;
  options.embedded = embedded_options(settings);
  options.default_clone = pipeline::default_clone();
  options.default_clone.tts_provider = settings.tts.provider;   // its voice is the operator's choice, unless its row says otherwise
  options.default_clone.voice_id = settings.tts.voice;
  for (const auto& key : settings.auth.api_keys)
    if (!key.user.empty()) options.users.push_back({key.user});
  options.pool.acquire_timeout = settings.database.acquire_timeout;
  options.pool.idle_max = settings.database.idle_timeout;
  options.pool.slow_query = settings.database.slow_query;
  options.pool.log_sql = settings.database.log_sql;
  options.pool.connection.statement_timeout = settings.database.statement_timeout;
  options.app_connections_max = static_cast<std::size_t>(settings.database.pool_size);
  options.recorder.queue_items_max = static_cast<std::size_t>(settings.recorder.queue_items_max);
  options.recorder.batch_items_max = static_cast<std::size_t>(settings.recorder.batch_items_max);
  options.recorder.shutdown_budget = settings.recorder.shutdown_budget;
  options.journal = std::move(journal);
  return options;
}

auth::Options auth_options(const config::Settings& settings) {
  auth::Options options;
  for (const auto& key : settings.auth.api_keys)
    options.keys.push_back({key.name, key.key.reveal(), key.key_sha256, key.user.empty() ? "" : persistence::user_id_of_external(key.user)});
  options.required = settings.auth.required;
  options.allowed_origins = settings.server.allowed_origins;
  options.allowed_hosts = settings.auth.allowed_hosts;
  options.is_loopback = config::parse_listen(settings.server.listen).value().loopback;
  return options;
}

realtime::SessionGateway::Options gateway_options(const config::Settings& settings) {
  realtime::SessionGateway::Options options;
  options.node = settings.server.node;
  options.sessions_max = settings.server.sessions_max;
  options.anonymous_user_id = persistence::local_user_id;
  auto& session = options.session;
  session.config.turn_detection.threshold = settings.vad.threshold;
  session.config.turn_detection.prefix_padding_ms = static_cast<int>(settings.vad.prefix_padding.count());
  session.config.turn_detection.silence_duration_ms = static_cast<int>(settings.vad.silence_duration.count());
  session.input.speculation_silence_ms = static_cast<int>(settings.vad.speculation_silence.count());
  session.input.utterance_ms_max = to_ms(settings.asr.utterance_max);
  session.interruption_voiced_ms = static_cast<int>(settings.vad.interruption_voiced.count());
  session.heard_wait = settings.playout.heard_wait;
  session.partial_interval = settings.asr.partial_interval;
  session.captions_when_metered = settings.asr.metered_captions;
  session.asr_timeout = settings.asr.deadline;
  session.first_token_timeout = settings.llm.first_token_deadline;
  session.llm_timeout = settings.llm.deadline;
  session.tts_timeout = settings.tts.deadline;
  session.context_tokens_max = settings.llm.context_tokens_max;
  session.output_tokens_max = settings.llm.output_tokens_max;
  session.voicing.playout.lead_ms = settings.playout.lead.count();
  session.voicing.opus = {settings.opus.complexity, settings.opus.bitrate_bps};
  session.session_max = settings.server.session_max;
  session.lookup.patience = settings.knowledge.patience;
  session.passages_max = static_cast<std::size_t>(settings.knowledge.passages_max);
  options.live.resume_within = settings.server.resume;
  options.restore_within = settings.server.restore;
  options.sessions_per_user_max = settings.limits.sessions_per_user_max;
  session.rates.control_per_second = settings.limits.control_events_per_second;
  session.rates.audio_real_time_factor = settings.limits.audio_real_time_factor;
  return options;
}

transport::Options transport_options(const config::Settings& settings) {
  transport::Options options;
  options.address = settings.server.address;
  options.port = settings.server.port;
  options.tls_cert_file = settings.server.tls_cert;
  options.tls_key_file = settings.server.tls_key;
  options.connections_per_address_max = static_cast<std::size_t>(settings.server.connections_per_address_max);
  options.message_bytes_max = static_cast<std::size_t>(settings.server.message_bytes_max);
  options.send_buffer_bytes_max = static_cast<std::size_t>(settings.server.send_buffer_bytes_max);
  const auto upload_bytes_max = static_cast<std::size_t>(settings.documents.upload_mb_max) * 1024 * 1024 + form_bytes_max;
  for (const char* path : {"/api/v1/knowledge", "/api/knowledge"}) options.large_bodies.push_back({"POST", path, upload_bytes_max});
  options.large_bodies_at_once = static_cast<std::size_t>(settings.documents.uploads_at_once);
  return options;
}

realtime::PriceTable price_table(const config::Settings& settings) {
  realtime::PriceTable prices;
  for (const auto& [provider, price] : settings.prices)
    prices[provider] = {price.asr_usd_per_minute, price.llm_usd_per_million_input_tokens, price.llm_usd_per_million_output_tokens, price.tts_usd_per_million_characters,
                        price.embedding_usd_per_million_tokens};
  return prices;
}

// One batched detector a loop, reached by the loop it lives on.
std::map<Loop*, std::unique_ptr<pipeline::VadBatcher>> voice_activity(AsioLoops& loops, const Engines& engines, const config::Settings& settings) {
  std::map<Loop*, std::unique_ptr<pipeline::VadBatcher>> batchers;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    Loop& loop = loops.loop(i);
    batchers[&loop] = std::make_unique<pipeline::VadBatcher>(loop, engines.vad(), pipeline::VadBatcher::Options{.tick = settings.vad.tick});
  }
  return batchers;
}

// Waits for SIGINT, SIGTERM or SIGHUP, which every thread has blocked since before the first one was started. 0: none came in that time.
int wait_for_signal(const sigset_t& signals, Millis wait_max) {
  const timespec wait{wait_max.count() / 1000, wait_max.count() % 1000 * 1'000'000};
  return std::max(sigtimedwait(&signals, nullptr, &wait), 0);
}

// Running conversations keep a reference to the prices they began with, so no table ever goes; a reload that changes none adds none.
class PriceTables {
 public:
  explicit PriceTables(realtime::PriceTable first) { tables_.push_back(std::move(first)); }
  const realtime::PriceTable& newest() const {
    std::lock_guard lock(mutex_);
    return tables_.back();
  }
  void add(realtime::PriceTable table) {
    std::lock_guard lock(mutex_);
    if (!(table == tables_.back())) tables_.push_back(std::move(table));
  }

 private:
  mutable std::mutex mutex_;
  std::deque<realtime::PriceTable> tables_;   // references stay good
};

realtime::LoadSampler::Options load_options(const config::Settings& settings) {
  const auto& server = settings.server;
  realtime::LoadSampler::Options options;
  options.policy.first = {server.degrade_lag, server.degrade_busy_percent / 100.0, server.degrade_wait};
  options.policy.full = {server.admission_lag, server.admission_busy_percent / 100.0, server.admission_wait};
  if (server.admission_lag <= Duration::zero()) options.policy.full = {Duration::zero(), 0, Duration::zero()};
  return options;
}

Status reload_keys(auth::Auth& auth, const config::Settings& settings) {
  auto newer = auth::Auth::create(auth_options(settings));
  if (!newer) return newer.error();
  auth.replace(*newer);
  return {};
}

Status reload_certificate(transport::Server& server, const config::Settings& settings) {
  if (settings.server.tls_cert.empty()) return {};
  return server.reload_tls(settings.server.tls_cert, settings.server.tls_key);
}

// SIGHUP reads the configuration again; SIGINT and SIGTERM end it.
int serve_until_stopped(const sigset_t& signals, Reload& reload, transport::Server& server, const config::Settings& settings) {
  constexpr Millis certificate_look(10'000);
  for (;;) {
    const int signal = wait_for_signal(signals, certificate_look);
    if (signal == SIGHUP) reload.run();
    else if (signal != 0) return signal;
    if (!settings.server.tls_cert.empty())
      reload.watch({settings.server.tls_cert, settings.server.tls_key}, [&] { return reload_certificate(server, settings); });
  }
}

// SIGTERM lets running conversations finish, for a while; Ctrl-C, or a second signal, does not. Those whose connection is lost are not waited
// for: their client takes them up again after the restart.
void drain(const sigset_t& signals, int signal, const std::function<int()>& running, Duration patience) {
  const TimePoint until = SteadyClock::now() + patience;
  if (signal == SIGTERM && running() > 0) log::info("serve", "letting conversations finish", {{"conversations", running()}, {"seconds", to_ms(patience) / 1000}});
  while (signal == SIGTERM && running() > 0 && SteadyClock::now() < until)
    if (const int again = wait_for_signal(signals, Millis(100)); again != 0 && again != SIGHUP) return;
}

}  // namespace

int serve(const config::Loaded& loaded, const std::function<Result<config::Loaded>()>& load_again) {
  const config::Settings& settings = loaded.settings;
  const TimePoint started = SteadyClock::now();
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Metrics metrics;
  auto keys = storage_keys(settings);
  if (!keys) return fail(keys.error());
  StopDeadline stop_deadline;
  // First, so that they go last: what the store's recorder still says after the conversations ended is posted to them.
  AsioLoops loops(settings.server.threads > 0 ? static_cast<std::size_t>(settings.server.threads)
                                              : std::max(1U, std::thread::hardware_concurrency()));
  auto loading = std::async(std::launch::async, [&] { return Engines::load(settings); });   // beside the database's start
  auto store = persistence::Store::open(store_options(settings, journal_options(settings, *keys)), metrics);
  auto engines = loading.get();
  if (!store) return fail(store.error());
  if (!engines) return fail(engines.error());
  auto known_keys = auth::Auth::create(auth_options(settings));
  if (!known_keys) return fail(known_keys.error());
  const auto auth = std::make_shared<auth::Auth>(std::move(known_keys).value());

  const auto secret = server_secret(settings);
  if (!secret) return fail(secret.error());
  const auth::ResumeTokens resume_tokens(*secret);
  PriceTables prices(price_table(settings));
  realtime::LoadSampler load(loops, load_options(settings), &(*engines)->pool(), metrics);
  realtime::SessionMetrics session_metrics(metrics);
  auto vad = voice_activity(loops, **engines, settings);

  auto caches = Caches::make(settings, **engines, **store, *keys, metrics);
  if (!caches) return fail(caches.error());
  Knowledge knowledge(settings, **engines, **store, **caches, metrics);

  Limits limits(settings, **store, metrics);
  Housekeeping housekeeping(settings, **store, (*caches)->blobs(), (*caches)->tiers(), (*engines)->embedder(), metrics);
  auto accounts = AccountParts::make({.settings = settings, .store = **store, .privacy = housekeeping.privacy(), .configured = auth, .metrics = metrics, .anonymous_user_id = persistence::local_user_id});
  if (!accounts) return fail(accounts.error());
  auto gateway_wishes = gateway_options(settings);
  gateway_wishes.authenticator = (*accounts)->authenticator().get();
  gateway_wishes.allowances = &(*accounts)->allowances();
  gateway_wishes.watch = &(*accounts)->watch();
  limits.guard(gateway_wishes);
  persistence::MessageHistory history((*store)->app(), {.messages_max = static_cast<std::size_t>(settings.llm.history_messages_max)});
  gateway_wishes.history = &history;
  gateway_wishes.resume_tokens = &resume_tokens;
  gateway_wishes.archive = &(*store)->archive();
  gateway_wishes.admits = [&load] { return load.admits(); };
  realtime::SessionGateway gateway(std::move(gateway_wishes), *auth, (*store)->clones(), [&](Loop& loop) {
    return realtime::SessionServices{.loop = loop,
                                     .vad = *vad.at(&loop),
                                     .asr = (*engines)->asr(),
                                     .llms = (*caches)->llms(),
                                     .tts = (*caches)->voices(),
                                     .llm_default = settings.llm.provider,
                                     .tts_default = settings.tts.provider,
                                     .voice_default = settings.tts.voice,
                                     .apology_tts = (*engines)->apology_tts(),
                                     .voice_aliases = settings.tts.voice_aliases,
                                     .sink = (*store)->recorder(),
                                     .prices = prices.newest(),
                                     .metrics = session_metrics,
                                     .retriever = &knowledge.retriever(),
                                     .house_user_id = persistence::system_user_id,
                                     .limit_left = [&limits](const std::string& user, const std::string& address) { return limits.left(user, address); },
                                     .clones = &(*store)->clones(),
                                     .load = &load.state()};
  });

  auto routes = Routes::make({.settings = settings, .store = **store, .engines = **engines, .auth = auth, .gateway = gateway, .metrics = metrics, .blobs = (*caches)->blobs(), .tokens = (*accounts)->tokens(), .anonymous_user_id = persistence::local_user_id, .retriever = &knowledge.retriever(), .guards = limits.guards(), .accounts = accounts->get()});
  if (!routes) return fail(routes.error());
  transport::Server server(loops, transport_options(settings),
                           {.on_request = [&](Loop& loop, transport::Request request, transport::Respond respond) { (*routes)->serve(loop, std::move(request), std::move(respond)); },
                            .on_upgrade = [&](Loop& loop, transport::Request request, std::vector<std::string> subprotocols,
                                              std::function<void(transport::Accept)> done) {
                              gateway.on_upgrade(loop, std::move(request), std::move(subprotocols), std::move(done));
                            },
                            .may_send_large_body = [&](Loop& loop, const transport::Request& head,
                                                       std::function<void(std::optional<transport::Response>)> done) {
                              (*routes)->judge_head(loop, head, std::move(done));
                            }},
                           metrics);
  if (auto listening = server.listen(); !listening) return fail(listening.error());
  const auto calls = [&] { return gateway.sessions() - static_cast<int>(session_metrics.waiting.value()); };  // a lost connection is none
  load.start(calls);
  housekeeping.start();
  (*accounts)->start();
  loops.start();  // last: from here on requests are answered
  const HeapTrimmer trimmer;

  const std::string host = settings.server.address.find(':') == std::string::npos ? settings.server.address : "[" + settings.server.address + "]";
  const std::string url = std::string(settings.server.tls_cert.empty() ? "http://" : "https://") + host + ":" + std::to_string(server.port()) + "/";
  log::info("serve", "ready", {{"url", url}, {"ms", to_ms(SteadyClock::now() - started)}, {"asr", settings.asr.provider}, {"llm", settings.llm.provider}, {"tts", settings.tts.provider}});
  std::printf("\n  Repartee is listening. Open %s in a browser and talk.  (Ctrl-C stops it.)\n\n", url.c_str());
  std::fflush(stdout);

  Reload reload(loaded, load_again,
                {{{"log.level"}, [](const config::Settings& now) { return log::set_level(now.log.options().level), Status(); }},
                 {{"server.sessions_max"}, [&](const config::Settings& now) { return gateway.set_sessions_max(now.server.sessions_max), Status(); }},
                 {{"prices."}, [&](const config::Settings& now) { return prices.add(price_table(now)), Status(); }},
                 {{"auth.api_key", "auth.allowed_hosts", "server.allowed_origins"}, [&](const config::Settings& now) { return reload_keys(*auth, now); }},
                 {{"server.tls_"}, [&](const config::Settings& now) { return reload_certificate(server, now); }}});
  const int signal = serve_until_stopped(signals, reload, server, settings);
  log::info("serve", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  gateway.drain();
  drain(signals, signal, calls, settings.server.drain);
  server.stop_accepting();
  gateway.close_all(1001, "server_stopping", "the server is stopping");
  server.close_all(1001, "the server is stopping");
  const TimePoint until = SteadyClock::now() + close_patience;
  while (gateway.sessions() > 0 && SteadyClock::now() < until) std::this_thread::sleep_for(Millis(10));
  loops.stop();
  stop_deadline.begin(settings.recorder.shutdown_budget + down_patience);
  log::info("serve", "stopped");
  return exit_ok;
}

}  // namespace repartee::commands
