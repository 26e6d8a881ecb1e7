#include "commands/talk_client.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/clock.hpp"
#include "pipeline/opus_codec.hpp"
#include "pipeline/resampler.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/transport/ws_client.hpp"

namespace repartee::commands {
namespace {

using nlohmann::json;
constexpr int pcm_rate_hz = 24000;
constexpr Millis reconnect_pause{250};
constexpr int loud = 500;   // of 32768: a frame with such a sample is speech, for measuring
constexpr std::size_t frame_samples = asr_rate_hz / 1000 * frame_ms;

bool is_loud(std::span<const std::int16_t> frame) {
  return std::ranges::any_of(frame, [](std::int16_t s) { return std::abs(static_cast<int>(s)) > loud; });
}

std::optional<std::int64_t> ms_of(const json& row, const char* field) {
  const auto at = row.find(field);
  return at == row.end() || at->is_null() ? std::nullopt : std::optional(at->get<std::int64_t>());
}

class Caller {
 public:
  explicit Caller(const TalkPlan& plan) : plan_(plan) {}

  Result<TalkReport> run() {
    if (auto status = connect(); !status) return status.error();
    if (auto status = configure(); !status) return status.error();
    begun_ = SteadyClock::now();
    next_frame_ = begun_;
    say(plan_.recording, &speech_end_);
    const std::size_t turns_wanted = (plan_.interrupt_after ? 2 : 1) + (plan_.greeting ? 1 : 0);
    while (report_.turns.size() < turns_wanted && (client_->is_open() || come_back())) {
      if (SteadyClock::now() - last_progress_ > plan_.patience) return Error{Errc::deadline_exceeded, "the conversation did not end in time" + last_error()};
      step();
    }
    if (report_.turns.size() < turns_wanted)
      return Error{Errc::unavailable, "the server closed the connection: " + std::to_string(client_->close_code()) + " " + client_->close_reason()};
    client_->close();
    return std::move(report_);
  }

 private:
  Status connect() {
    std::string url = plan_.url;
    char separator = url.find('?') == std::string::npos ? '?' : '&';
    const auto add = [&](const char* name, const std::string& value) {
      if (value.empty()) return;
      url += separator + std::string(name) + "=" + value;
      separator = '&';
    };
    add("model", plan_.model);
    if (!resume_token_.empty()) {
      add("session_id", report_.session_id);
      add("resume_token", resume_token_);
      add("after_seq", std::to_string(last_seq_));
    } else if (plan_.greeting) {
      add("greeting", "1");
    }
    transport::WsClient::Options options;
    options.headers["User-Agent"] = "repartee-talk/" REPARTEE_VERSION;
    if (!plan_.api_key.empty()) options.headers["Authorization"] = "Bearer " + plan_.api_key;
    options.tls_verify = plan_.tls_verify;
    if (plan_.opus && !encoder_) {
      auto encoder = pipeline::OpusEncoder::create({.rate_hz = asr_rate_hz});
      if (!encoder) return encoder.error();
      encoder_.emplace(std::move(encoder).value());
    }
    report_.reply.rate_hz = plan_.opus ? asr_rate_hz : pcm_rate_hz;
    return client_->connect(url, std::move(options));
  }

  // After a lost connection, not after a goodbye: the conversation is taken up where it was.
  bool come_back() {
    if (client_->close_code() != 1006 || resume_token_.empty()) return false;
    line("connection lost");
    for (const TimePoint until = SteadyClock::now() + resume_within_; SteadyClock::now() < until; std::this_thread::sleep_for(reconnect_pause)) {
      client_ = std::make_unique<transport::WsClient>();
      const Status status = connect();
      if (status) break;
      if (status.error().code != Errc::unavailable) return false;
    }
    if (!client_->is_open()) return false;
    ++report_.resumptions;
    next_frame_ = SteadyClock::now();   // what could not be said meanwhile is said now
    line("connected again");
    return true;
  }

  Status configure() {
    const json format = plan_.opus ? json{{"type", "audio/opus"}} : json{{"type", "audio/pcm"}, {"rate", pcm_rate_hz}};
    json input{{"format", format}, {"transcription", {{"model", "default"}}}};
    if (plan_.silence_duration_ms) input["turn_detection"] = {{"type", "server_vad"}, {"silence_duration_ms", *plan_.silence_duration_ms}};
    json output{{"format", format}, {"transport", plan_.opus ? "binary" : "json"}};
    if (!plan_.voice.empty()) output["voice"] = plan_.voice;
    const json update{{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", input}, {"output", output}}}}}};
    if (auto sent = client_->send_text(update.dump()); !sent) return sent;
    const TimePoint until = SteadyClock::now() + std::chrono::seconds(10);
    while (client_->is_open() && SteadyClock::now() < until) {
      auto message = client_->receive(Millis(200));
      if (!message) continue;
      take(*message);
      if (configured_) return {};
      if (!report_.errors.empty()) return Error{Errc::invalid_argument, "the server refused the session" + last_error()};
    }
    return Error{Errc::unavailable, "no session.updated came" + last_error()};
  }

  void say(const Audio& audio, TimePoint* speech_end) {
    speech_ = audio.samples;
    // Whole frames, so that silence follows where the recording ends.
    speech_.resize((speech_.size() + frame_samples - 1) / frame_samples * frame_samples, 0);
    speech_at_ = 0;
    speech_end_target_ = speech_end;
  }

  // One frame of time: what is to be said is sent, what came is taken.
  void step() {
    const TimePoint now = SteadyClock::now();
    if (now >= next_frame_) {
      send_frame(now);
      next_frame_ += Millis(frame_ms);
    }
    if (plan_.drop_after && !dropped_ && first_audio_at_ && now - *first_audio_at_ >= *plan_.drop_after) {
      dropped_ = true;
      client_ = std::make_unique<transport::WsClient>();   // without a goodbye
      return;
    }
    if (plan_.interrupt_after && !interrupting_ && first_audio_at_ && now - *first_audio_at_ >= *plan_.interrupt_after) {
      interrupting_ = true;
      line("interrupting");
      say(plan_.interruption.samples.empty() ? plan_.recording : plan_.interruption, nullptr);
    }
    const auto wait = std::chrono::duration_cast<Millis>(next_frame_ - SteadyClock::now());
    if (auto message = client_->receive(std::max(wait, Millis(1)))) take(*message);
  }

  void send_frame(TimePoint now) {
    Samples silence(frame_samples, 0);
    std::span<const std::int16_t> frame = silence;
    if (speech_at_ + frame_samples <= speech_.size()) {
      frame = std::span(speech_).subspan(speech_at_, frame_samples);
      speech_at_ += frame_samples;
      last_progress_ = now;
      if (is_loud(frame)) {
        if (speech_end_target_) *speech_end_target_ = now;
        if (interrupting_ && !interruption_began_) interruption_began_ = now;
      }
    }
    if (plan_.opus) {
      if (auto packet = encoder_->encode(frame)) (void)client_->send_binary({reinterpret_cast<const char*>(packet->data()), packet->size()});
      return;
    }
    Samples upsampled;
    up_.process(frame, upsampled);
    const std::string bytes(reinterpret_cast<const char*>(upsampled.data()), upsampled.size() * sizeof(std::int16_t));
    (void)client_->send_text(R"({"type":"input_audio_buffer.append","audio":")" + realtime::base64::encode(bytes) + "\"}");
  }

  void take(const transport::WsClient::Message& message) {
    if (!message.is_text) return take_audio_packet(message.data);
    const json event = json::parse(message.data, nullptr, false);
    if (event.is_discarded()) return;
    const std::string type = event.value("type", "");
    last_seq_ = event.value("seq", last_seq_);
    if (type == "response.output_audio.delta") {
      if (auto bytes = realtime::base64::decode(event.value("delta", ""))) take_samples(*bytes);
      return;
    }
    take_event(type, event);
  }

  void take_audio_packet(const std::string& packet) {
    ++last_seq_;   // binary messages count, and do not say so
    auto samples = decoder_.decode({reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
    if (samples) take_audio(*samples);
  }

  void take_samples(const std::string& bytes) {
    Samples samples(bytes.size() / 2);
    std::copy_n(bytes.data(), samples.size() * 2, reinterpret_cast<char*>(samples.data()));
    take_audio(samples);
  }

  void take_audio(std::span<const std::int16_t> samples) {
    const TimePoint now = SteadyClock::now();
    last_progress_ = now;
    if (!first_audio_at_) {
      first_audio_at_ = now;
      if (speech_end_ != TimePoint{}) report_.first_audio_ms = to_ms(now - speech_end_);
      line("first reply audio");
    }
    if (interruption_began_ && !cut_response_done_) report_.barge_in_stop_ms = to_ms(now - *interruption_began_);
    if (played_until_ && now > *played_until_) report_.longest_dry_ms = std::max(report_.longest_dry_ms, to_ms(now - *played_until_));
    played_until_ = std::max(played_until_.value_or(now), now) + Millis(static_cast<std::int64_t>(samples.size()) * 1000 / report_.reply.rate_hz);
    report_.reply.samples.insert(report_.reply.samples.end(), samples.begin(), samples.end());
  }

  void take_event(const std::string& type, const json& event) {
    if (type == "session.created") report_.session_id = strip_prefix(event["session"].value("id", ""));
    else if (type == "session.updated") configured_ = true;
    else if (type == "repartee.session") take_session(event);
    else if (type == "repartee.state") line("state " + event.value("from", "") + " -> " + event.value("to", ""));
    else if (type == "conversation.item.input_audio_transcription.delta") line("hearing:" + event.value("delta", ""));
    else if (type == "conversation.item.input_audio_transcription.completed") line("you said: " + event.value("transcript", ""));
    else if (type == "response.output_audio_transcript.done") line("reply: " + event.value("transcript", ""));
    else if (type == "response.done") {
      const std::string status = event["response"].value("status", "");
      line("response " + status);
      played_until_.reset();
      if (interrupting_) cut_response_done_ = true;
      if (interruption_began_ && !report_.barge_in_stop_ms && status == "cancelled") report_.barge_in_stop_ms = 0;
    } else if (type == "error") {
      report_.errors.push_back(event["error"].value("code", "") + ": " + event["error"].value("message", ""));
      line("error " + report_.errors.back());
    } else if (type == "repartee.turn") {
      take_turn(event);
    }
  }

  void take_session(const json& event) {
    resume_token_ = event.value("resume_token", "");
    resume_within_ = Millis(event.value("resume_within_ms", 0));
    report_.lost_events += event.value("lost_events", 0);
  }

  void take_turn(const json& row) {
    if (row.value("revision", 1) > 1) return;   // a better account of a turn that was counted already
    TalkTurn turn;
    turn.row_json = row.dump();
    turn.status = row.value("status", "");
    turn.user_transcript = row.value("user_transcript", "");
    turn.llm_response = row.value("llm_response", "");
    turn.heard_response = row.value("heard_response", "");
    turn.endpointing_ms = ms_of(row, "endpointing_ms");
    turn.asr_ms = ms_of(row, "asr_latency_ms");
    turn.rag_ms = ms_of(row, "rag_latency_ms");
    turn.llm_ms = ms_of(row, "llm_latency_ms");
    turn.tts_ms = ms_of(row, "tts_latency_ms");
    turn.voice_to_voice_ms = ms_of(row, "total_latency_ms");
    last_progress_ = SteadyClock::now();
    line("turn " + std::to_string(row.value("turn_index", 0)) + " " + turn.status);
    report_.turns.push_back(std::move(turn));
  }

  static std::string strip_prefix(const std::string& id) { return id.starts_with("sess_") ? id.substr(5) : id; }
  std::string last_error() const { return report_.errors.empty() ? "" : " (" + report_.errors.back() + ")"; }
  void line(const std::string& text) const {
    if (plan_.on_line) plan_.on_line(begun_ == TimePoint{} ? 0 : to_ms(SteadyClock::now() - begun_), text);
  }

  const TalkPlan& plan_;
  std::unique_ptr<transport::WsClient> client_ = std::make_unique<transport::WsClient>();
  TalkReport report_;
  std::optional<pipeline::OpusEncoder> encoder_;
  pipeline::OpusDecoder16k decoder_;
  pipeline::Resampler up_{{.from_hz = asr_rate_hz, .to_hz = pcm_rate_hz}};
  Samples speech_;
  std::size_t speech_at_ = 0;
  TimePoint begun_{}, next_frame_{}, speech_end_{}, last_progress_ = SteadyClock::now();
  TimePoint* speech_end_target_ = nullptr;
  std::optional<TimePoint> first_audio_at_, interruption_began_, played_until_;
  std::string resume_token_;
  Millis resume_within_{0};
  std::uint64_t last_seq_ = 0;
  bool configured_ = false, dropped_ = false, interrupting_ = false, cut_response_done_ = false;
};

}  // namespace

Result<TalkReport> run_talk(const TalkPlan& plan) { return Caller(plan).run(); }

}  // namespace repartee::commands
