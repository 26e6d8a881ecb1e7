#include "tests/failures/callers.hpp"

#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "realtime/transport/ws_client.hpp"

namespace repartee::test {
namespace {

using nlohmann::json;

constexpr Millis look_around(100);  // how often a waiting caller asks itself whether to hang up
constexpr Duration session_patience = std::chrono::seconds(30);
constexpr std::size_t spoken_bytes = 24000 * 2 * 4 / 10;  // 400 ms of 24 kHz PCM

// Loud enough to be something, the same for everybody.
const std::string& spoken() {
  static const std::string audio = [] {
    std::string bytes(spoken_bytes, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
    return bytes;
  }();
  return audio;
}

const char* settings(bool speaks) {
  return speaks ? R"({"type":"session.update","session":{"type":"realtime","output_modalities":["audio"],
                     "audio":{"input":{"turn_detection":null},"output":{"transport":"binary"}}}})"
                : R"({"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}})";
}

}  // namespace

struct Callers::Call {
  std::size_t number = 0;
  bool speaks = false;
  transport::WsClient client;
  std::atomic<bool> is_open{false}, is_ready{false};
  std::string session_id;
  std::size_t asked = 0, answered = 0;
  TimePoint ask_at{}, asked_at{};
  mutable std::mutex mutex;
  ToldTurns told;                     // under mutex
  std::vector<std::string> troubles;  // under mutex

  void trouble(const std::string& what) {
    std::lock_guard lock(mutex);
    troubles.push_back("call " + std::to_string(number) + " (session " + session_id + "): " + what);
  }
  bool waits() const { return asked > answered; }
  void ask();
  bool take(const json& event);  // true: a turn we had not been told of
};

void Callers::Call::ask() {
  asked_at = SteadyClock::now();
  ++asked;
  Status sent;
  if (speaks) {
    sent = client.send_binary(spoken());
    if (sent) sent = client.send_text(R"({"type":"input_audio_buffer.commit"})");
  } else {
    const json question = {
        {"type", "conversation.item.create"},
        {"item",
         {{"type", "message"},
          {"role", "user"},
          {"content",
           {{{"type", "input_text"}, {"text", "question " + std::to_string(asked) + " of caller " + std::to_string(number)}}}}}}};
    sent = client.send_text(question.dump());
  }
  if (sent) sent = client.send_text(R"({"type":"response.create"})");
  if (!sent && client.is_open()) trouble("cannot ask: " + sent.error().message);
}

bool Callers::Call::take(const json& event) {
  const std::string type = event.value("type", "");
  if (type == "repartee.session") session_id = event.value("session_id", "");
  if (type == "session.updated") is_ready = true;
  if (type == "error") trouble("error event: " + event.dump());
  if (type != "repartee.turn") return false;
  const TurnKey key{event.value("session_id", ""), event.value("turn_index", -1)};
  std::lock_guard lock(mutex);
  auto& known = told[key];
  const bool is_new = known.revision == 0;
  if (const int revision = event.value("revision", 0); revision > known.revision) known = {revision, event.dump()};
  return is_new;
}

Callers::Callers(std::string ws_url, Options options) : url_(std::move(ws_url)), options_(options) {
  for (std::size_t i = 0; i < options_.count; ++i) {
    auto call = std::make_unique<Call>();
    call->number = i;
    call->speaks = i < options_.speaking;
    calls_.push_back(std::move(call));
  }
  for (auto& call : calls_) threads_.emplace_back([this, &call = *call] { talk(call); });
  const auto is_ready = [this] {
    return std::all_of(calls_.begin(), calls_.end(), [](const auto& call) { return call->is_ready.load(); });
  };
  for (const auto until = SteadyClock::now() + session_patience; !is_ready() && SteadyClock::now() < until;)
    std::this_thread::sleep_for(look_around);
  if (is_ready()) return;
  hang_up();
  const auto all = troubles();
  throw std::runtime_error("not every caller got a session" + (all.empty() ? std::string() : ": " + all.front()));
}

Callers::~Callers() { hang_up(); }

void Callers::talk(Call& call) {
  const std::string user_agent = "repartee-failures";
  if (auto connected = call.client.connect(url_, {.headers = {{"User-Agent", user_agent}}}); !connected)
    return call.trouble(connected.error().message);
  call.is_open = true;
  (void)call.client.send_text(settings(call.speaks));
  call.ask_at = SteadyClock::now() + options_.pause * static_cast<long>(call.number % 10 + 1) / 10;  // not all in the same moment
  while (call.client.is_open()) {
    const auto now = SteadyClock::now();
    if (!call.waits() && hanging_up_) break;
    if (!call.waits() && call.is_ready && now >= call.ask_at) call.ask();
    if (call.waits() && now - call.asked_at > options_.patience) {
      call.trouble("no repartee.turn for question " + std::to_string(call.asked));
      break;
    }
    const auto message = call.client.receive(look_around);
    if (!message || !message->is_text || !call.take(json::parse(message->data))) continue;
    ++told_;
    call.answered = call.asked;
    call.ask_at = SteadyClock::now() + options_.pause;
  }
  if (!call.client.is_open()) call.trouble("closed with " + std::to_string(call.client.close_code()) + " " + call.client.close_reason());
  call.is_open = false;
  call.client.close();
}

std::size_t Callers::open() const {
  return static_cast<std::size_t>(std::count_if(calls_.begin(), calls_.end(), [](const auto& call) { return call->is_open.load(); }));
}

bool Callers::wait_for_more(std::size_t turns, Duration patience) const {
  const auto wanted = told_ + turns;
  for (const auto until = SteadyClock::now() + patience; SteadyClock::now() < until; std::this_thread::sleep_for(look_around))
    if (told_ >= wanted) return true;
  return false;
}

void Callers::hang_up() {
  hanging_up_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

ToldTurns Callers::told() const {
  ToldTurns all;
  for (const auto& call : calls_) {
    std::lock_guard lock(call->mutex);
    all.insert(call->told.begin(), call->told.end());
  }
  return all;
}

std::vector<std::string> Callers::troubles() const {
  std::vector<std::string> all;
  for (const auto& call : calls_) {
    std::lock_guard lock(call->mutex);
    all.insert(all.end(), call->troubles.begin(), call->troubles.end());
  }
  return all;
}

std::string one_call(const std::string& ws_url) {
  try {
    Callers caller(ws_url, {.count = 1, .speaking = 0, .pause = Millis(1)});
    if (!caller.wait_for_more(1)) return "no turn";
    caller.hang_up();
    return caller.troubles().empty() ? "" : caller.troubles().front();
  } catch (const std::runtime_error& error) { return error.what(); }
}

}  // namespace repartee::test
