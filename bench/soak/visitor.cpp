#include "bench/soak/visitor.hpp"

#include <nlohmann/json.hpp>

namespace repartee::bench {
namespace {

using nlohmann::json;
constexpr int silence_frames = 40;  // after what was said: ends the utterance
constexpr int away_ms_max = 700;    // shorter than the server waits for a lost client

bool is_event(std::string_view text, std::string_view type) {
  constexpr std::string_view key = R"({"type":")";
  return text.starts_with(key) && text.substr(key.size()).starts_with(type) && text.substr(key.size() + type.size()).starts_with('"');
}

}  // namespace

const char* to_string(Visit visit) {
  switch (visit) {
    case Visit::opus_turn: return "a turn in Opus";
    case Visit::pcm_turn: return "a turn in PCM, in JSON";
    case Visit::typed_turn: return "a typed turn";
    case Visit::interruption: return "interrupts the reply";
    case Visit::vanishing: return "vanishes in the reply";
    case Visit::return_visit: return "is lost and comes back";
    case Visit::wrong_key: return "has a wrong key";
  }
  return "";
}

Visit draw_visit(std::mt19937& random) {
  std::discrete_distribution<int> shares{45, 12, 10, 12, 10, 6, 5};
  return static_cast<Visit>(shares(random));
}

Visitor::Visitor(const Scene& scene, Visit visit, unsigned seed, int epoll, std::uint64_t tag)
    : scene_(scene), visit_(visit), random_(seed), epoll_(epoll), tag_(tag) {}

void Visitor::begin(TimePoint now) {
  give_up_at_ = now + patience;
  phase_ = Phase::waiting;
  connect("");
}

void Visitor::connect(const std::string& query) {
  std::string request = upgrade_request(scene_.host_and_port, "/v1/realtime" + query);
  if (visit_ == Visit::wrong_key) request.insert(request.size() - 2, "Authorization: Bearer rk_nobody_has_this_key\r\n");
  wire_ = std::make_unique<Wire>(epoll_, tag_, static_cast<WireEvents&>(*this));
  wire_->open(scene_.address, request);
}

void Visitor::tick(TimePoint now) {
  if (phase_ == Phase::over || phase_ == Phase::put_off) return;
  if (now >= give_up_at_) return end(phase_ == Phase::leaving ? "the close was not answered" : "nothing came any more");
  if (drop_at_ && now >= *drop_at_) {
    drop_at_.reset();
    wire_->drop(true);
    if (visit_ == Visit::vanishing) return end();
    come_back_at_ = now + Millis(std::uniform_int_distribution<int>(1, away_ms_max)(random_));
  } else if (come_back_at_ && now >= *come_back_at_) {
    come_back_at_.reset();
    has_come_back_ = true;
    connect("?session_id=" + session_id_ + "&resume_token=" + resume_token_ + "&after_seq=" + std::to_string(seen_seq_));
  }
}

void Visitor::on_text(std::string_view text, TimePoint now) {
  ++seen_seq_;  // every message counts one
  if (is_event(text, "session.created")) {
    if (visit_ == Visit::typed_turn) type();
    else wire_->send(speech().session_update);
  } else if (is_event(text, "session.updated")) {
    if (phase_ == Phase::waiting) speak();
  } else if (is_event(text, "repartee.session")) {
    const json event = json::parse(text, nullptr, false);
    session_id_ = event.value("session_id", session_id_);
    resume_token_ = event.value("resume_token", resume_token_);
    seen_seq_ = event.value("seq", seen_seq_);
    if (event.value("resumed", "") == "restored") end("came back after the server had given it up");
  } else if (is_event(text, "response.output_audio.delta")) {
    on_reply_audio(now);
  } else if (is_event(text, "repartee.turn")) {
    on_turn();
  }
}

void Visitor::on_binary(std::string_view, TimePoint now) {
  ++seen_seq_;
  on_reply_audio(now);
}

void Visitor::speak() {
  phase_ = Phase::talking;
  const auto& said = speech().utterances[std::uniform_int_distribution<std::size_t>(0, speech().utterances.size() - 1)(random_)];
  for (const std::string& frame : said.frames) wire_->send(frame);
  for (int i = 0; i < silence_frames; ++i) wire_->send(speech().silence);
}

void Visitor::type() {
  phase_ = Phase::talking;
  const json content = json::array({{{"type", "input_text"}, {"text", "And what else?"}}});
  const json item{{"type", "message"}, {"role", "user"}, {"content", content}};
  wire_->send(masked_frame(Opcode::text, json{{"type", "conversation.item.create"}, {"item", item}}.dump()));
  wire_->send(masked_frame(Opcode::text, json{{"type", "response.create"}}.dump()));
}

void Visitor::on_reply_audio(TimePoint now) {
  if (visit_ == Visit::interruption && !std::exchange(has_interrupted_, true)) return speak();
  const bool will_drop = visit_ == Visit::vanishing || (visit_ == Visit::return_visit && !has_come_back_);
  if (will_drop && !drop_at_ && !come_back_at_) drop_at_ = now + Millis(std::uniform_int_distribution<int>(0, 600)(random_));
}

void Visitor::on_turn() {
  if (++turns_ < turns_wanted() || phase_ != Phase::talking) return;
  phase_ = Phase::leaving;
  drop_at_.reset();
  wire_->send(masked_frame(Opcode::close, std::string_view("\x03\xe8", 2)));
}

void Visitor::on_end(const std::string& why) {
  const bool is_refused = why.starts_with("refused: ");
  if (is_refused && why.find(" 503 ") != std::string::npos && !has_come_back_) {
    phase_ = Phase::put_off;
    return;
  }
  if (visit_ == Visit::wrong_key) return end(is_refused && why.find(" 401 ") != std::string::npos ? "" : "a wrong key: " + why);
  if (visit_ == Visit::vanishing && drop_at_) return end("the server closed first: " + why);
  end(phase_ == Phase::leaving ? "" : why);
}

void Visitor::end(std::string complaint) {
  phase_ = Phase::over;
  complaint_ = std::move(complaint);
}

}  // namespace repartee::bench
