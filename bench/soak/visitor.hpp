// One short call in fast motion: what is said is sent at once, not in its own time, and when the replies have come the caller goes, in one
// of the ways in which callers go. Decides what is sent and when it is over, and whether it got what it came for.
// Thread contract: one thread; time is passed in.
#pragma once
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "bench/load/speech.hpp"
#include "bench/load/wire.hpp"

namespace repartee::bench {

enum class Visit { opus_turn, pcm_turn, typed_turn, interruption, vanishing, return_visit, wrong_key };
constexpr int visits_count = 7;
const char* to_string(Visit visit);
Visit draw_visit(std::mt19937& random);  // half of them plain turns in Opus

// Where the server is, and what is said to it.
struct Scene {
  Address address;
  std::string host_and_port;
  Speech opus, pcm;
};

class Visitor final : private WireEvents {
 public:
  static constexpr Duration patience = std::chrono::seconds(30);

  Visitor(const Scene& scene, Visit visit, unsigned seed, int epoll, std::uint64_t tag);

  void begin(TimePoint now);  // again after was_put_off()
  void tick(TimePoint now);
  void on_events(std::uint32_t events, TimePoint now) {
    if (wire_) wire_->on_events(events, now);
  }
  bool is_over() const { return phase_ == Phase::over; }
  bool was_put_off() const { return phase_ == Phase::put_off; }  // 503: no room at the moment
  const std::string& complaint() const { return complaint_; }    // once it is over; empty: it got what it came for
  Visit visit() const { return visit_; }

 private:
  enum class Phase { waiting, talking, leaving, over, put_off };

  void on_text(std::string_view text, TimePoint now) override;
  void on_binary(std::string_view bytes, TimePoint now) override;
  void on_end(const std::string& why) override;
  void connect(const std::string& query);
  void speak();
  void type();
  void on_reply_audio(TimePoint now);
  void on_turn();
  void end(std::string complaint = {});
  int turns_wanted() const { return visit_ == Visit::interruption ? 2 : 1; }
  const Speech& speech() const { return visit_ == Visit::pcm_turn ? scene_.pcm : scene_.opus; }

  const Scene& scene_;
  const Visit visit_;
  std::mt19937 random_;
  const int epoll_;
  const std::uint64_t tag_;
  std::unique_ptr<Wire> wire_;
  Phase phase_ = Phase::waiting;
  std::string complaint_, session_id_, resume_token_;
  std::uint64_t seen_seq_ = 0;
  int turns_ = 0;
  bool has_interrupted_ = false, has_come_back_ = false;
  TimePoint give_up_at_{};
  std::optional<TimePoint> drop_at_, come_back_at_;
};

}  // namespace repartee::bench
