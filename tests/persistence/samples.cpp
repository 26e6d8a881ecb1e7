#include "tests/persistence/samples.hpp"

#include "persistence/digest.hpp"

namespace repartee::persistence::test {

std::string new_sha256() { return sha256_hex(new_uuid()); }

void SamplesTest::fill(User& row, const std::string& user) {
  row.id = user;
  row.email = user + "@example.org";
  row.first_name = "Ann";
  row.personality_traits = {"calm", "says \"hm\"", ""};
}
User SamplesTest::stored_user(const std::string& user) {
  auto updated = UserRepository(app_).update(
      user, Patch<User>().set<&User::first_name>("Ann").set<&User::personality_traits>({"calm", "says \"hm\"", ""}), user);
  EXPECT_TRUE(updated) << updated.error().message;
  return *updated;
}

void SamplesTest::fill(AuthSession& row, const std::string&) {
  row.refresh_hash = new_sha256();
  row.ip_address = "192.0.2.1";
}
void SamplesTest::fill(ApiKey& row, const std::string&) {
  row.name = "laptop";
  row.key_hash = new_sha256();
  row.scopes = {"talk", "read"};
}
void SamplesTest::fill(Subscription& row, const std::string&) {
  row.plan = "pro";
  row.status = "cancelled";  // of active ones there is one a user
}
void SamplesTest::fill(UsageMetric& row, const std::string&) {
  row.action = "tts.characters";
  row.subject = new_uuid();
  row.quantity = 12;
}
void SamplesTest::fill(Echo& row, const std::string&) {
  row.name = "Ada";
  row.persona_prompt = "You are Ada.";
  row.knowledge_scope = "own";
}
void SamplesTest::fill(Message& row, const std::string& user) {
  row.echo_id = stored<Echo>(user).id;
  row.role = "user";
  row.content = "Hello.";
}
void SamplesTest::fill(VoiceSample& row, const std::string&) {
  row.name = "My voice";
  row.blob_key = "voices/1";
  row.format = "wav";
  row.size_bytes = 1000;
  row.duration_s = 6.25;
  row.sample_rate_hz = 16000;
  row.channels = 1;
  row.quality_score = 7.5;
  row.checksum = new_sha256();
}
void SamplesTest::fill(VoiceEmbedding& row, const std::string& user) {
  row.sample_id = stored<VoiceSample>(user).id;
  row.model = "test-" + user;
  row.embedding = {0.25f, -0.1f, 3e-20f};
  row.dimension = 3;
}
void SamplesTest::fill(VoiceModel& row, const std::string& user) {
  row.sample_id = stored<VoiceSample>(user).id;
  row.name = "Mine";
  row.provider = "kokoro";
  row.status = "ready";
}
void SamplesTest::fill(FaceModel& row, const std::string&) {
  row.name = "Face";
  row.resolution_json = R"({"width": 512, "height": 512})";
}
void SamplesTest::fill(KnowledgeDocument& row, const std::string& user) {
  row.echo_id = stored<Echo>(user).id;
  row.filename = "notes.txt";
  row.content_type = "text/plain";
  row.size_bytes = 500;
  row.checksum = new_sha256();
  row.vector_ids = {"a", "b"};
}
void SamplesTest::fill(KnowledgeChunk& row, const std::string& user) {
  row.document_id = stored<KnowledgeDocument>(user).id;
  row.text = "The lighthouse keepers were talking.";
  row.token_count = 7;
  row.embedding = {{1, 0}};
}
void SamplesTest::fill(SynthesisJob& row, const std::string& user) {
  row.voice_model_id = stored<VoiceModel>(user).id;
  row.tts_provider = "kokoro";
  row.voice_id = "af_heart";
  row.text_content = "Good morning.";
  row.text_hash = new_sha256();
  row.estimated_duration_s = 0.9;
}
void SamplesTest::fill(AudioFile& row, const std::string& user) {
  row.job_id = stored<SynthesisJob>(user).id;
  row.blob_key = "audio/1";
  row.filename = "morning.wav";
  row.format = "wav";
  row.size_bytes = 48'000;
  row.duration_s = 1;
  row.sample_rate_hz = 24'000;
  row.checksum = new_sha256();
}
void SamplesTest::fill(AudioAlignment& row, const std::string& user) {
  row.audio_file_id = stored<AudioFile>(user).id;
  row.granularity = "word";
  row.units = {"Good", "morning, {\"all\"}"};
  row.start_times = {0, 0.4f};
  row.end_times = {0.35f, 1};
}
void SamplesTest::fill(GenerationHistory& row, const std::string& user) {
  const auto file = stored<AudioFile>(user);
  row.job_id = file.job_id;
  row.audio_file_id = file.id;
  row.voice_id = "af_heart";
  row.settings_json = R"({"stability": 0.5})";
}

ConversationTurn SamplesTest::recorded_turn(const std::string& user) {
  const auto session = session_of(user, stored<Echo>(user).id);
  const std::vector<RecordItem> items{session, RecordedTurn{turn_of(session, 0), {}}};
  const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
  EXPECT_TRUE(written) << written.error().message;
  return *ConversationTurnRepository(app_).find_by_id(turn_id(session.id, 0), user);
}
ConversationSession SamplesTest::recorded_session(const std::string& user) {
  return *SessionRepository(app_).find_by_id(recorded_turn(user).session_id, user);
}

}  // namespace repartee::persistence::test
