#include <gtest/gtest.h>

#include <random>

#include "core/ids.hpp"
#include "persistence/record_backlog.hpp"
#include "persistence/turn_journal.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/persistence/failing_files.hpp"

namespace repartee::persistence::test {
namespace {

TurnRecord full_turn() {
  TurnRecord turn;
  turn.session_id = "session";
  turn.user_id = "user";
  turn.echo_id = "echo";
  turn.turn_index = 7;
  turn.revision = 3;
  turn.user_transcript = std::string("what\0 \xff", 7);
  turn.llm_response = "all";
  turn.heard_response = "half";
  turn.heard_ms = 1234;
  turn.status = "interrupted";
  turn.cancel_reason = "turn_detected";
  turn.endpointing_ms = 1;
  turn.asr_latency_ms = 2;
  turn.llm_latency_ms = 4;
  turn.total_latency_ms = 6;
  turn.asr_cost = {11};
  turn.tts_cost = {-14};
  turn.asr_audio_ms = 1LL << 40;
  turn.llm_input_tokens = -1;
  turn.tts_characters = 99;
  turn.timeline_json = R"({"a":1})";
  turn.tool_calls_json = "[1]";
  turn.started_at = WallTime(std::chrono::nanoseconds(1'700'000'000'123'456'789));
  turn.ended_at = turn.started_at + std::chrono::nanoseconds(1);
  return turn;
}

RecordItem small_item(int index, std::size_t text_bytes = 20) {
  TurnRecord turn;
  turn.turn_index = index;
  turn.user_transcript = std::string(text_bytes, 'x');
  return RecordedTurn{std::move(turn), {}};
}
int index_of(const RecordItem& item) { return std::get<RecordedTurn>(item).record.turn_index; }

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<TurnJournal> open() {
    auto opened = TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  // Turns whose index is their sequence.
  Status append(TurnJournal& journal, int first, int last, std::size_t text_bytes = 20) {
    records_.clear();
    for (int i = first; i <= last; ++i) {
      auto item = small_item(i, text_bytes);
      const auto bytes = journal_header_bytes + encoded_bytes(item);
      records_.push_back({.sequence = static_cast<std::uint64_t>(i), .bytes = bytes, .item = std::move(item)});
    }
    return journal.append(records_);
  }
  void append_synced(TurnJournal& journal, int first, int last, std::size_t text_bytes = 20) {
    EXPECT_TRUE(append(journal, first, last, text_bytes));
    EXPECT_TRUE(journal.sync());
  }
  static std::vector<int> read_all(TurnJournal& journal, TurnJournal::Range range, std::size_t items_max = 1000) {
    std::vector<int> indices;
    while (!range.empty()) {
      const auto read = journal.read(range, items_max, 1 << 20);
      EXPECT_LE(read.items.size(), items_max);
      EXPECT_GE(read.last, range.first) << "no progress";
      for (const auto& item : read.items) indices.push_back(index_of(item));
      range.first = read.last + 1;
    }
    return indices;
  }
  std::vector<int> found_by_the_next_start() {
    auto journal = open();
    return journal ? read_all(*journal, journal->found()) : std::vector<int>();
  }
  static std::vector<int> sequence(int first, int last) {
    std::vector<int> numbers;
    for (int i = first; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }
  double counted(const char* name) { return metrics_.counter(name, "").value(); }

  Metrics metrics_;
  TurnJournal::Options options_{.directory = "/journal"};
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::vector<SequencedRecord> records_;
};

// ---- records ----

TEST(JournalRecord, KeepsEveryFieldOfATurn) {
  const auto turn = full_turn();
  const auto decoded = decode_record(1, journal_record_version, encode_record(RecordedTurn{turn, {}}));
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& back = std::get<RecordedTurn>(*decoded).record;
  EXPECT_EQ(back.user_transcript, turn.user_transcript);
  EXPECT_EQ(back.turn_index, 7);
  EXPECT_EQ(back.revision, 3);
  EXPECT_EQ(back.endpointing_ms, 1);
  EXPECT_EQ(back.rag_latency_ms, std::nullopt);
  EXPECT_EQ(back.total_latency_ms, 6);
  EXPECT_EQ(back.tts_cost, Money{-14});
  EXPECT_EQ(back.asr_audio_ms, 1LL << 40);
  EXPECT_EQ(back.llm_input_tokens, -1);
  EXPECT_EQ(back.tool_calls_json, "[1]");
  EXPECT_EQ(back.sources_json, "[]");
  EXPECT_EQ(back.started_at, turn.started_at);
  EXPECT_EQ(back.ended_at, turn.ended_at);
  EXPECT_EQ(encode_record(*decoded), encode_record(RecordedTurn{turn, {}})) << "nothing else was lost either";
}

TEST(JournalRecord, KeepsSessionsAndAuditLines) {
  SessionRecord session;
  session.id = "s";
  session.average_latency_ms = 12.5;
  session.ended_at = WallTime(std::chrono::seconds(5));
  session.client_json = R"({"ip":"::1"})";
  const auto session_bytes = encode_record(session);
  const auto session_back = decode_record(kind_of(session), journal_record_version, session_bytes);
  ASSERT_TRUE(session_back);
  EXPECT_EQ(std::get<SessionRecord>(*session_back).average_latency_ms, 12.5);
  EXPECT_EQ(encode_record(*session_back), session_bytes);
  RecordedAudit line{"id", {}};
  line.record.success = false;
  line.record.action = "session.open";
  const auto line_back = decode_record(kind_of(line), journal_record_version, encode_record(line));
  ASSERT_TRUE(line_back);
  EXPECT_EQ(std::get<RecordedAudit>(*line_back).id, "id");
  EXPECT_FALSE(std::get<RecordedAudit>(*line_back).record.success);
}

TEST(JournalRecord, RefusesAPayloadThatIsCutAnywhereOrTooLong) {
  const RecordItem item = RecordedTurn{full_turn(), {}};
  const auto bytes = encode_record(item);
  EXPECT_EQ(encoded_bytes(item), bytes.size());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_record(1, journal_record_version, bytes.substr(0, size)));
  EXPECT_FALSE(decode_record(1, journal_record_version, bytes + "x"));
  EXPECT_FALSE(decode_record(9, journal_record_version, bytes));
  EXPECT_FALSE(decode_record(1, journal_record_version + 1, bytes));
}

TEST(JournalRecord, ReadsGarbageWithoutHarm) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (auto& c : bytes) c = static_cast<char>(random() % 4 ? random() % 8 : random());
    const auto item = decode_record(static_cast<std::uint8_t>(1 + random() % 3), journal_record_version, bytes);
    if (item) { EXPECT_EQ(encoded_bytes(*item), bytes.size()); }
  }
}

// ---- the journal ----

TEST_F(JournalTest, FindsAfterARestartWhatTheDatabaseDoesNotHave) {
  {
    auto journal = open();
    EXPECT_TRUE(journal->found().empty());
    append_synced(*journal, 1, 10);
    journal->applied(4);
  }
  auto journal = open();
  EXPECT_EQ(journal->found().count, 6u);
  EXPECT_EQ(journal->sequence_max(), 10u);
  EXPECT_EQ(read_all(*journal, journal->found()), sequence(5, 10));
  EXPECT_EQ(read_all(*journal, journal->found(), 4), sequence(5, 10)) << "in pieces, from the start again";
}

TEST_F(JournalTest, LosesNothingSyncedWhenThePowerGoes) {
  {
    auto journal = open();
    append_synced(*journal, 1, 5);
    EXPECT_TRUE(append(*journal, 6, 9));
    disk_->set([](MemoryDisk& disk) { disk.sync_fails = disk.truncate_fails = true; });
  }
  disk_->lose_power();
  disk_->set([](MemoryDisk& disk) { disk.sync_fails = false; });
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 5));
}

TEST_F(JournalTest, CutsATornTailAtEveryByteOfTheLastRecord) {
  {
    auto journal = open();
    append_synced(*journal, 1, 2);
  }
  const auto whole = disk_->bytes_of("00000001.log");
  std::size_t begin = 0;
  {
    FrameHeader first = *parse_frame_header(whole);
    begin = journal_header_bytes + first.payload_bytes;
  }
  for (std::size_t size = begin; size < whole.size(); ++size) {
    disk_->bytes_of("00000001.log") = whole.substr(0, size);
    EXPECT_EQ(found_by_the_next_start(), sequence(1, 1)) << "cut at " << size;
    EXPECT_EQ(disk_->bytes_of("00000001.log").size(), begin);
    auto padded = whole.substr(0, size) + std::string(whole.size() - size, '\0');  // as a file system leaves it that grew the file first
    if (padded == whole) continue;
    disk_->bytes_of("00000001.log") = padded;
    EXPECT_EQ(found_by_the_next_start(), sequence(1, 1)) << "zeros from " << size;
  }
  EXPECT_GT(counted("repartee_journal_torn_tails_total"), 0);
}

TEST_F(JournalTest, WritesOnAfterATornTail) {
  {
    auto journal = open();
    append_synced(*journal, 1, 3);
  }
  disk_->bytes_of("00000001.log").pop_back();
  {
    auto journal = open();
    append_synced(*journal, 4, 5);
  }
  EXPECT_EQ(found_by_the_next_start(), (std::vector<int>{1, 2, 4, 5}));
}

TEST_F(JournalTest, LosesOneRecordToADamagedPayloadAndOneFileToADamagedHeader) {
  options_.segment_bytes_max = 2000;
  {
    auto journal = open();
    for (int i = 1; i <= 30; ++i) append_synced(*journal, i, i);
  }
  auto& first_file = disk_->bytes_of("00000001.log");
  const auto frame_bytes = journal_header_bytes + parse_frame_header(first_file)->payload_bytes;
  const int a_file = static_cast<int>(first_file.size() / frame_bytes);
  ASSERT_GT(a_file, 3);
  first_file[frame_bytes + journal_header_bytes + 5] ^= 1;  // the second record's payload
  EXPECT_EQ(counted("repartee_journal_corrupt_total"), 0);
  auto expected = sequence(1, 30);
  expected.erase(expected.begin() + 1);
  EXPECT_EQ(found_by_the_next_start(), expected);
  EXPECT_EQ(counted("repartee_journal_corrupt_total"), 1);

  first_file[2 * frame_bytes + 9] ^= 1;  // the third record's header
  expected.erase(expected.begin() + 1, expected.begin() + a_file - 1);
  EXPECT_EQ(found_by_the_next_start(), expected);

  auto journal = open();
  journal->applied(30);
  auto names = disk_->names();
  EXPECT_NE(std::find(names.begin(), names.end(), "00000001.corrupt"), names.end()) << "kept for a person to look at";
  EXPECT_EQ(std::count_if(names.begin(), names.end(), [](const auto& name) { return name.ends_with(".log"); }), 0);
}

TEST_F(JournalTest, RotatesAndDeletesWhatTheDatabaseHas) {
  options_.segment_bytes_max = 4000;
  auto journal = open();
  for (int i = 1; i <= 100; i += 5) append_synced(*journal, i, i + 4);
  const auto before = disk_->names().size();
  EXPECT_GT(before, 4u);
  EXPECT_GT(journal->bytes(), 100u * 200);
  journal->applied(50);
  EXPECT_LT(disk_->names().size(), before);
  EXPECT_EQ(read_all(*journal, {51, 100, 50}), sequence(51, 100));
  journal->applied(100);
  EXPECT_LE(disk_->names().size(), 2u) << "the segment that is written, and the checkpoint";
  append_synced(*journal, 101, 103);
  EXPECT_EQ(read_all(*journal, {101, 103, 3}), sequence(101, 103));
  journal->applied(103);
  journal.reset();
  EXPECT_EQ(disk_->names(), std::vector<std::string>{"checkpoint"}) << "a clean end leaves nothing that was said";
}

TEST_F(JournalTest, EndsAnOldSegmentSoThatItCanGo) {
  auto journal = open();
  append_synced(*journal, 1, 3);
  journal->retire(SteadyClock::now());
  journal->applied(2);
  EXPECT_EQ(disk_->names().size(), 2u);
  journal->retire(SteadyClock::now() + options_.segment_age_max);
  journal->applied(3);
  EXPECT_EQ(disk_->names(), std::vector<std::string>{"checkpoint"});
  append_synced(*journal, 4, 4);
  EXPECT_EQ(read_all(*journal, {4, 4, 1}), sequence(4, 4));
}

TEST_F(JournalTest, EndsAnOldSegmentOnABusyServerToo) {
  options_.segment_age_max = Duration::zero();
  auto journal = open();
  append_synced(*journal, 1, 1);
  append_synced(*journal, 2, 2);
  journal->applied(1);
  EXPECT_EQ(disk_->names(), (std::vector<std::string>{"00000002.log", "checkpoint"}));
}

TEST_F(JournalTest, LeavesTheJournalOfANewerReleaseAlone) {
  {
    auto journal = open();
    append_synced(*journal, 1, 1);
  }
  auto& bytes = disk_->bytes_of("00000001.log");
  auto header = *parse_frame_header(bytes);
  ++header.version;
  const auto payload = bytes.substr(journal_header_bytes);
  bytes.clear();
  append_frame(bytes, header, payload);
  EXPECT_EQ(TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_)).error().code, Errc::conflict);
}

TEST_F(JournalTest, WritesOnWhereADiskTakesOnlyPartsOfAWrite) {
  disk_->write_bytes_max = 7;
  {
    auto journal = open();
    append_synced(*journal, 1, 20);
  }
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 20));
}

TEST_F(JournalTest, SaysSoWhenTheDiskIsFullAndHealsWhenItHasRoomAgain) {
  auto journal = open();
  append_synced(*journal, 1, 5);
  EXPECT_TRUE(append(*journal, 6, 7));  // not yet synced
  disk_->set([](MemoryDisk& disk) { disk.room_bytes = 100; });
  EXPECT_FALSE(append(*journal, 8, 9));
  EXPECT_FALSE(records_[0].journaled);
  EXPECT_TRUE(journal->sync()) << "what was written before is not lost by it";
  EXPECT_FALSE(append(*journal, 10, 10));
  EXPECT_EQ(metrics_.counter("repartee_journal_errors_total", "", {{"operation", "write"}}).value(), 2);
  disk_->set([](MemoryDisk& disk) { disk.room_bytes = SIZE_MAX; });
  append_synced(*journal, 11, 12);
  EXPECT_TRUE(records_[0].journaled);
  EXPECT_EQ(read_all(*journal, {1, 12, 9}), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 11, 12}));
  journal.reset();
  disk_->lose_power();
  EXPECT_EQ(found_by_the_next_start(), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 11, 12}));
}

TEST_F(JournalTest, CountsNothingThatASyncDidNotMakeDurable) {
  auto journal = open();
  append_synced(*journal, 1, 2);
  disk_->set([](MemoryDisk& disk) { disk.sync_fails = true; });
  EXPECT_TRUE(append(*journal, 3, 4));
  EXPECT_FALSE(journal->sync());
  disk_->set([](MemoryDisk& disk) { disk.sync_fails = false; });
  EXPECT_TRUE(journal->sync()) << "nothing new";
  append_synced(*journal, 5, 6);
  EXPECT_EQ(read_all(*journal, {1, 6, 4}), (std::vector<int>{1, 2, 5, 6}));
}

TEST_F(JournalTest, TellsTheNextSyncThatRotatingCouldNotMakeItDurable) {
  options_.segment_bytes_max = 1000;
  auto journal = open();
  disk_->set([](MemoryDisk& disk) { disk.sync_fails = true; });
  EXPECT_TRUE(append(*journal, 1, 2, 400));
  EXPECT_FALSE(append(*journal, 3, 3)) << "the first segment is over";
  disk_->set([](MemoryDisk& disk) { disk.sync_fails = false; });
  EXPECT_FALSE(journal->sync());
  append_synced(*journal, 5, 5);
}

TEST_F(JournalTest, SaysThatItIsFullUntilTheDatabaseHasTakenSome) {
  options_.segment_bytes_max = 2000;
  options_.total_bytes_max = 10'000;
  auto journal = open();
  int i = 0;
  while (!journal->full() && i < 1000) {
    ++i;
    append_synced(*journal, i, i);
  }
  EXPECT_GT(i, 10);
  EXPECT_LT(journal->bytes(), 12'000u);
  journal->applied(static_cast<std::uint64_t>(i));
  EXPECT_FALSE(journal->full());
}

TEST_F(JournalTest, LeavesOutARecordThatIsTooLarge) {
  options_.record_bytes_max = 5000;
  auto journal = open();
  EXPECT_TRUE(append(*journal, 1, 1, 6000));
  EXPECT_FALSE(records_[0].journaled);
  append_synced(*journal, 2, 2, 4000);
  EXPECT_EQ(read_all(*journal, {1, 2, 1}), sequence(2, 2));
}

TEST_F(JournalTest, ReplaysTooMuchRatherThanTooLittleWithoutACheckpoint) {
  {
    auto journal = open();
    append_synced(*journal, 1, 4);
    journal->applied(3);
  }
  disk_->bytes_of("checkpoint")[9] ^= 1;
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 4));
}

TEST_F(JournalTest, DoesNotOpenWhatItCannotRead) {
  disk_->list_fails = true;
  EXPECT_FALSE(TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_)));
}

TEST_F(JournalTest, KeepsRecordsSealedAndRefusesAnotherKey) {
  const auto xored = [](char key) {
    return [key](std::string_view text, std::string_view context) {
      std::string out(1, key);
      for (const char c : text) out += static_cast<char>(c ^ key);
      return out + std::string(context);
    };
  };
  const auto opener = [](char key) {
    return [key](std::string_view text, std::string_view context) -> Result<std::string> {
      if (text.empty() || text[0] != key || !text.ends_with(context)) return Error{Errc::data_corrupt, "another key"};
      std::string out;
      for (const char c : text.substr(1, text.size() - 1 - context.size())) out += static_cast<char>(c ^ key);
      return out;
    };
  };
  options_.seal = {xored(0x55), opener(0x55)};
  {
    auto journal = open();
    append_synced(*journal, 1, 3, 300);
  }
  EXPECT_EQ(disk_->bytes_of("00000001.log").find("xxxx"), std::string::npos);
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 3));
  options_.seal.open = opener(0x44);
  EXPECT_EQ(TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_)).error().code, Errc::permission_denied);
  options_.seal = {};
  EXPECT_EQ(TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_)).error().code, Errc::permission_denied);
}

TEST_F(JournalTest, SealedWithAKeyFileIsReadAfterARotationAndByNoOtherKey) {
  const std::string first = "k1:" + std::string(64, 'a') + "\n", second = "k2:" + std::string(64, 'b') + "\n";
  options_.seal = sealed_with(keys_of(first));
  append_synced(*open(), 1, 3, 300);
  EXPECT_EQ(disk_->bytes_of("00000001.log").find("xxxx"), std::string::npos);
  for (const auto& wrong : {second, "k1:" + std::string(64, 'c')}) {
    options_.seal = sealed_with(keys_of(wrong));
    EXPECT_EQ(TurnJournal::open(options_, metrics_, std::make_unique<MemoryFiles>(disk_)).error().code, Errc::permission_denied) << wrong;
  }
  options_.seal = sealed_with(keys_of(second + first));
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 3));
  append_synced(*open(), 4, 5, 300);  // with the new key
  EXPECT_EQ(found_by_the_next_start(), sequence(1, 5));
}

TEST_F(JournalTest, WritesNothingOpenWhenSealingFails) {
  options_.seal = {[](std::string_view, std::string_view) -> Result<std::string> {
                     return Error{Errc::internal, "no randomness"};
                   },
                   [](std::string_view, std::string_view) -> Result<std::string> {
                     return Error{Errc::internal, "no"};
                   }};
  auto journal = open();
  std::vector<SequencedRecord> records;
  records.push_back({.sequence = 1, .bytes = 400, .item = small_item(1)});
  EXPECT_EQ(journal->append(records).error().code, Errc::internal);
  EXPECT_FALSE(records[0].journaled);
}

TEST(TurnJournal, IsOneServersAloneOnARealDisk) {
  TempDir dir;
  Metrics metrics;
  TurnJournal::Options options{.directory = dir.path() / "data" / "journal"};
  auto journal = TurnJournal::open(options, metrics);
  ASSERT_TRUE(journal) << journal.error().message;
  EXPECT_EQ(TurnJournal::open(options, metrics).error().code, Errc::conflict);
  std::vector<SequencedRecord> records;
  records.push_back({.sequence = 1, .bytes = 100, .item = small_item(1)});
  ASSERT_TRUE((*journal)->append(records));
  ASSERT_TRUE((*journal)->sync());
  const auto file = options.directory / "00000001.log";
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  journal->reset();
  auto again = TurnJournal::open(options, metrics);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->found().count, 1u);
  (*again)->applied(1);
  again->reset();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(TurnJournal, GoesOnWithoutADirectoryThatCannotBeMade) {
  Metrics metrics;
  auto journal = TurnJournal::open({.directory = "/proc/no/such/place"}, metrics);
  ASSERT_TRUE(journal) << journal.error().message;
  std::vector<SequencedRecord> records;
  records.push_back({.sequence = 1, .bytes = 100, .item = small_item(1)});
  EXPECT_FALSE((*journal)->append(records));
  EXPECT_FALSE(records[0].journaled);
}

// ---- what waits ----

TEST(RecordBacklog, KeepsTheOrderAndItsBoundsWhateverComes) {
  std::mt19937 random(7);
  RecordBacklog backlog({.items_max = 16, .bytes_max = 3000});
  std::deque<std::uint64_t> expected;  // sequences, oldest first
  std::uint64_t sequence = 0;
  int spills = 0, refusals = 0;
  for (int round = 0; round < 20'000; ++round) {
    const bool filling = round / 200 % 2 == 0;
    if (random() % 8 < (filling ? 6 : 2)) {
      SequencedRecord record{.sequence = ++sequence, .bytes = random() % 400, .journaled = random() % 4 != 0};
      if (backlog.push(record)) expected.push_back(sequence);
      else ++refusals;
      spills += backlog.spilling();
    } else {
      auto work = backlog.take(1 + random() % 5, 1000);
      for (const auto& record : work.records) {
        ASSERT_EQ(record.sequence, expected.front());
        expected.pop_front();
      }
      if (!work.records.empty() || work.range.empty()) continue;
      std::size_t left = work.range.count;  // all of it, or a part and then the rest again
      const std::size_t now = random() % 2 ? left : left / 2;
      for (std::size_t i = 0; i < now; ++i, --left) {
        ASSERT_GE(expected.front(), work.range.first);
        ASSERT_LE(expected.front(), work.range.last);
        work.range.first = expected.front() + 1;
        expected.pop_front();
      }
      if (left > 0) backlog.put_back({work.range.first, work.range.last, left});
    }
    ASSERT_LE(backlog.items_in_memory(), 16u);
  }
  EXPECT_GT(spills, 100);
  EXPECT_GT(refusals, 100);
}

}  // namespace
}  // namespace repartee::persistence::test
