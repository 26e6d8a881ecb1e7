#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "realtime/session_machine.hpp"

namespace repartee::realtime {
namespace {

bool has(const Step& step, Action action) { return std::ranges::find(step.actions, action) != step.actions.end(); }

TEST(SessionMachine, AnswersAQuestionAndComesBackToIdle) {
  SessionMachine machine;
  EXPECT_EQ(machine.on(Event::speech_started).to, State::listening);
  EXPECT_EQ(machine.on(Event::endpoint).to, State::processing);
  EXPECT_EQ(machine.on(Event::first_frame_sent).to, State::speaking);
  const Step end = machine.on(Event::reply_finished);
  EXPECT_EQ(end.to, State::idle);
  EXPECT_TRUE(has(end, Action::record_turn));
}

TEST(SessionMachine, TellsTheClientToFlushBeforeItStopsAnythingElse) {
  const Step step = SessionMachine::look_up(State::speaking, Event::barge_in_confirmed);
  ASSERT_EQ(step.to, State::interrupted);
  EXPECT_EQ(step.actions.front(), Action::begin_utterance);
  EXPECT_TRUE(has(step, Action::stop_reply));
  EXPECT_TRUE(has(step, Action::cut_playback));
}

TEST(SessionMachine, DoesNotStopForABackchannel) {
  const Step step = SessionMachine::look_up(State::speaking, Event::backchannel);
  EXPECT_EQ(step.to, State::speaking);
  EXPECT_FALSE(has(step, Action::stop_reply));
}

TEST(SessionMachine, JoinsSpeechThatResumesBeforeTheFirstFrameToTheSameTurn) {
  const Step step = SessionMachine::look_up(State::processing, Event::speech_started);
  EXPECT_EQ(step.to, State::listening);
  EXPECT_TRUE(has(step, Action::stop_reply));
  EXPECT_FALSE(has(step, Action::open_turn));
  EXPECT_FALSE(has(step, Action::record_turn));
}

TEST(SessionMachine, SettlesWhatWasHeardBeforeTheTurnIsRecorded) {
  for (std::size_t e = 0; e < events_count; ++e) {
    const Step step = SessionMachine::look_up(State::interrupted, static_cast<Event>(e));
    if (!has(step, Action::record_turn)) continue;
    EXPECT_LT(std::ranges::find(step.actions, Action::settle_heard), std::ranges::find(step.actions, Action::record_turn)) << to_string(static_cast<Event>(e));
  }
}

TEST(SessionMachine, EndsTheSessionFromEveryState) {
  for (std::size_t s = 0; s < states_count; ++s) {
    const Step step = SessionMachine::look_up(static_cast<State>(s), Event::closed);
    EXPECT_EQ(step.to, State::idle);
    ASSERT_FALSE(step.actions.empty());
    EXPECT_EQ(step.actions.back(), Action::end_session);
  }
}

TEST(SessionMachine, PrintsEveryPairInTheTableOfTheDocs) {
  const std::string table = SessionMachine::table_markdown();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(table, '\n')), events_count + 2);
  for (std::size_t e = 0; e < events_count; ++e) EXPECT_NE(table.find("| " + std::string(to_string(static_cast<Event>(e))) + " |"), std::string::npos);
}

TEST(SessionMachine, IsTheTableInTheDocs) {
  std::ifstream file(REPARTEE_SOURCE_DIR "/docs/session-machine.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string begin = "<!-- table: begin -->\n", end = "<!-- table: end -->";
  const auto from = page.find(begin), to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  EXPECT_EQ(page.substr(from + begin.size(), to - from - begin.size()), SessionMachine::table_markdown())
      << "put the table as it is now between the markers of docs/session-machine.md";
}

// Whatever order events come in, what a session relies on holds: a turn is open exactly where one may be, a reply runs exactly where one may run.
TEST(SessionMachine, KeepsItsPromisesUnderRandomEvents) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    SessionMachine machine;
    bool turn_open = false, reply_running = false;
    for (int i = 0; i < 300; ++i) {
      const auto event = static_cast<Event>(random() % (events_count - 1));   // all but closed
      const Step step = machine.on(event);
      ASSERT_EQ(machine.state(), step.to);
      for (const Action action : step.actions) {
        if (action == Action::open_turn) turn_open = true;
        if (action == Action::start_reply) {
          ASSERT_TRUE(turn_open) << "a reply without a turn, seed " << seed;
          reply_running = true;
        }
        if (action == Action::stop_reply || action == Action::record_turn || action == Action::close_round) reply_running = false;
        if (action == Action::record_turn || action == Action::discard_turn) turn_open = false;
      }
      const State state = machine.state();
      ASSERT_EQ(reply_running, state == State::processing || state == State::speaking) << to_string(event) << " seed " << seed;
      if (state != State::idle && state != State::error) {
        ASSERT_TRUE(turn_open) << to_string(state) << " after " << to_string(event) << " seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace repartee::realtime
