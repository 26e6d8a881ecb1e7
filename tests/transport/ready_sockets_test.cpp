#include "realtime/transport/ready_sockets.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <deque>
#include <functional>

namespace repartee::transport {
namespace {

using namespace std::chrono_literals;

// One end of a pair is watched, as a connection does it; what comes is kept.
struct Ear final : ReadySockets::Listener {
  explicit Ear(ReadySockets& sockets) : ready(sockets) {
    int both[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
    own.reset(both[0]);
    other.reset(both[1]);
    ticket = ready.watch(own.get(), *this);
  }
  ~Ear() { end(); }
  void end() {
    if (ticket) ready.forget(ticket);
    own.reset();
  }
  void say(std::string_view text) { EXPECT_EQ(::write(other.get(), text.data(), text.size()), static_cast<ssize_t>(text.size())); }
  void on_ready() override {
    ++times_told;
    char bytes[8];
    const auto got = ::read(own.get(), bytes, sizeof bytes);
    if (got > 0) heard.append(bytes, static_cast<std::size_t>(got));
    if (got == 0) has_ended = true;
    if (got == sizeof bytes) ready.read_on(ticket);
    if (then) then();
  }

  ReadySockets& ready;
  FileDescriptor own, other;
  ReadySockets::Ticket ticket;
  std::string heard;
  int times_told = 0;
  bool has_ended = false;
  std::function<void()> then;
};

class ReadySocketsTest : public testing::Test {
 protected:
  // Runs the loop, on this thread, until it is so.
  bool until(const std::function<bool()>& so) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!so() && std::chrono::steady_clock::now() < deadline) loop.io().run_for(2ms);
    return so();
  }
  void let_it_run(std::chrono::milliseconds time) { loop.io().run_for(time); }
  std::deque<Ear>& ears(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) all.emplace_back(*ready);
    return all;
  }

  AsioLoop loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work = boost::asio::make_work_guard(loop.io());
  std::shared_ptr<ReadySockets> ready = std::make_shared<ReadySockets>(loop);
  std::deque<Ear> all;
};

TEST_F(ReadySocketsTest, TellOfWhatComesToOneOfThem) {
  auto& ear = ears(3)[1];
  for (int i = 0; i < 5; ++i) {
    ear.say("ab");
    EXPECT_TRUE(until([&] { return ear.heard.size() == static_cast<std::size_t>(2 * i + 2); }));
  }
  EXPECT_EQ(ear.times_told, 5);
  EXPECT_EQ(all[0].times_told + all[2].times_told, 0);
}

TEST_F(ReadySocketsTest, TellOfWhatWasThereBeforeAndOfWhatIsLeft) {
  auto& ear = ears(1)[0];
  let_it_run(5ms);
  ready->forget(ear.ticket);
  ear.say("more than it reads at once");
  let_it_run(5ms);
  EXPECT_EQ(ear.times_told, 0);
  ear.ticket = ready->watch(ear.own.get(), ear);
  EXPECT_TRUE(until([&] { return ear.heard == "more than it reads at once"; })) << ear.heard;
}

TEST_F(ReadySocketsTest, TellOfTheEnd) {
  auto& ear = ears(2)[0];
  ear.other.reset();
  EXPECT_TRUE(until([&] { return ear.has_ended; }));
}

TEST_F(ReadySocketsTest, TellOfTheEndThatCameTogetherWithBytes) {
  auto& ear = ears(2)[0];
  ear.say("bye");
  ear.other.reset();
  EXPECT_TRUE(until([&] { return ear.has_ended; }));
  EXPECT_EQ(ear.heard, "bye");
}

TEST_F(ReadySocketsTest, LoseNothingWhileManySpeakAndThenFew) {
  ears(40);
  std::string said;
  for (int round = 0; round < 30; ++round) {
    for (auto& ear : all) ear.say("xyz");
    said += "xyz";
    let_it_run(3ms);
  }
  EXPECT_TRUE(until([&] { return std::ranges::all_of(all, [&](const Ear& ear) { return ear.heard == said; }); }));
  let_it_run(100ms);  // long enough for them to be few again
  all[7].say("alone");
  EXPECT_TRUE(until([&] { return all[7].heard == said + "alone"; }));
}

TEST_F(ReadySocketsTest, LookAtManyTogether) {
  ears(40);
  for (auto& ear : all) ear.say("x");
  EXPECT_TRUE(until([&] { return std::ranges::all_of(all, [](const Ear& ear) { return ear.heard == "x"; }); }));
  // From now on at moments: what comes in between waits for the next, and is told of once.
  for (int i = 0; i < 3; ++i)
    for (auto& ear : all) ear.say("y");
  EXPECT_TRUE(until([&] { return std::ranges::all_of(all, [](const Ear& ear) { return ear.heard == "xyyy"; }); }));
  for (const auto& ear : all) EXPECT_LE(ear.times_told, 3);
}

TEST_F(ReadySocketsTest, MayBeForgottenFromEachOthersListeners) {
  ears(30);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].then = [this, i] {  // each ends its neighbours, and one more comes in their place
      all[i ^ 1].end();
      if (all.size() < 60) ears(1);
    };
    all[i].say("x");
  }
  let_it_run(50ms);
  int told = 0;
  for (std::size_t i = 0; i < 30; ++i) told += all[i].times_told;
  EXPECT_EQ(told, 15);
  for (std::size_t i = 30; i < all.size(); ++i) all[i].say("new");
  EXPECT_TRUE(until([&] { return std::all_of(all.begin() + 30, all.end(), [](const Ear& ear) { return ear.heard == "new"; }); }));
  EXPECT_EQ(all.size(), 45u);
}

TEST_F(ReadySocketsTest, MayGoWhileTheyWait) {
  {
    auto& ear = ears(1)[0];
    ear.say("x");
  }
  all.clear();
  ready->close();
  ready.reset();
  let_it_run(20ms);
}

}  // namespace
}  // namespace repartee::transport
