// `repartee serve`: the wiring diagram. Configuration -> objects -> run -> drain.
#include <csignal>
#include <cstdio>
#include <future>

#include "commands/caches.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "commands/engines.hpp"
#include "commands/housekeeping.hpp"
#include "commands/knowledge.hpp"
#include "commands/limits.hpp"
#include "commands/routes.hpp"
#include "commands/stop_deadline.hpp"
#include "core/asio_loops.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "persistence/roles.hpp"
#include "persistence/store.hpp"
#include "persistence/user_repository.hpp"
#include "pipeline/default_clone.hpp"
#include "realtime/session_gateway.hpp"

namespace repartee::commands {
namespace {


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
  return options;
}

transport::Options transport_options(const config::Settings& settings) {
  transport::Options options;
  options.address = settings.server.address;
  options.port = settings.server.port;
  options.tls_cert_file = settings.server.tls_cert;
  options.tls_key_file = settings.server.tls_key;
  options.message_bytes_max = static_cast<std::size_t>(settings.server.message_bytes_max);
  options.send_buffer_bytes_max = static_cast<std::size_t>(settings.server.send_buffer_bytes_max);
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

// Waits for SIGINT or SIGTERM, which every thread has blocked since before the first one was started. 0: none came in that time.
int wait_for_signal(const sigset_t& signals, std::optional<Millis> wait_max = std::nullopt) {
  if (!wait_max) {
    int signal = 0;
    sigwait(&signals, &signal);
    return signal;
  }
  const timespec wait{wait_max->count() / 1000, wait_max->count() % 1000 * 1'000'000};
  return std::max(sigtimedwait(&signals, nullptr, &wait), 0);
}

// SIGTERM lets running conversations finish, for a while; Ctrl-C, or a second signal, does not.
void drain(const sigset_t& signals, int signal, const realtime::SessionGateway& gateway, Duration patience) {
  const TimePoint until = SteadyClock::now() + patience;
  if (signal == SIGTERM && gateway.sessions() > 0) log::info("serve", "letting conversations finish", {{"conversations", gateway.sessions()}, {"seconds", to_ms(patience) / 1000}});
  while (signal == SIGTERM && gateway.sessions() > 0 && SteadyClock::now() < until)
    if (wait_for_signal(signals, Millis(100)) != 0) return;
}

}  // namespace

int serve(const config::Settings& settings) {
  const TimePoint started = SteadyClock::now();
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
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
  const auto auth = std::make_shared<const auth::Auth>(std::move(known_keys).value());

  const realtime::PriceTable prices = price_table(settings);
  realtime::SessionMetrics session_metrics(metrics);
  auto vad = voice_activity(loops, **engines, settings);

  auto caches = Caches::make(settings, **engines, **store, *keys, metrics);
  if (!caches) return fail(caches.error());
  Knowledge knowledge(settings, **engines, **store, **caches, metrics);

  Limits limits(settings, **store, metrics);
  Housekeeping housekeeping(settings, **store, (*caches)->blobs(), (*caches)->tiers(), metrics);
  auto gateway_wishes = gateway_options(settings);
  limits.guard(gateway_wishes);
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
                                     .prices = prices,
                                     .metrics = session_metrics,
                                     .retriever = &knowledge.retriever(),
                                     .house_user_id = persistence::system_user_id,
                                     .limit_left = [&limits](const std::string& user, const std::string& address) { return limits.left(user, address); }};
  });

  auto routes = Routes::make({.settings = settings, .store = **store, .engines = **engines, .auth = auth, .gateway = gateway, .metrics = metrics, .anonymous_user_id = persistence::local_user_id, .retriever = &knowledge.retriever(), .guards = limits.guards()});
  if (!routes) return fail(routes.error());
  transport::Server server(loops, transport_options(settings),
                           {.on_request = [&](Loop& loop, transport::Request request, transport::Respond respond) { (*routes)->serve(loop, std::move(request), std::move(respond)); },
                            .on_upgrade = [&](Loop& loop, transport::Request request, std::vector<std::string> subprotocols,
                                              std::function<void(transport::Accept)> done) {
                              gateway.on_upgrade(loop, std::move(request), std::move(subprotocols), std::move(done));
                            }},
                           metrics);
  if (auto listening = server.listen(); !listening) return fail(listening.error());
  loops.start();
  housekeeping.start();

  const std::string host = settings.server.address.find(':') == std::string::npos ? settings.server.address : "[" + settings.server.address + "]";
  const std::string url = std::string(settings.server.tls_cert.empty() ? "http://" : "https://") + host + ":" + std::to_string(server.port()) + "/";
  log::info("serve", "ready", {{"url", url}, {"ms", to_ms(SteadyClock::now() - started)}, {"asr", settings.asr.provider}, {"llm", settings.llm.provider}, {"tts", settings.tts.provider}});
  std::printf("\n  Repartee is listening. Open %s in a browser and talk.  (Ctrl-C stops it.)\n\n", url.c_str());
  std::fflush(stdout);

  const int signal = wait_for_signal(signals);
  log::info("serve", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  gateway.drain();
  drain(signals, signal, gateway, settings.server.drain);
  server.stop_accepting();
  server.close_all(1001, "the server is stopping");
  const TimePoint until = SteadyClock::now() + close_patience;
  while (gateway.sessions() > 0 && SteadyClock::now() < until) std::this_thread::sleep_for(Millis(10));
  loops.stop();
  stop_deadline.begin(settings.recorder.shutdown_budget + down_patience);
  log::info("serve", "stopped");
  return exit_ok;
}

}  // namespace repartee::commands
