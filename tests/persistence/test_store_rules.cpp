// What the schema itself keeps true, and what single repositories add to the common shape.
#include <cmath>

#include "tests/persistence/samples.hpp"

namespace repartee::persistence::test {
namespace {

class StoreRules : public SamplesTest {
 protected:
  template <class R>
  Errc creating(const R& row) {
    const auto made = Repository<R>(app_).create(row, user_);
    return made ? Errc::ok : made.error().code;
  }
  template <class R>
  void refuses(std::initializer_list<std::pair<const char*, const char*>> wrong) {
    const auto user = std::is_same_v<R, User> ? new_uuid() : user_;
    const auto fine = sample<R>(user);
    for (const auto& [column, value] : wrong) {
      const auto made = Repository<R>(app_).create(with(fine, column, value), user);
      ASSERT_FALSE(made) << R::table().sql().spec().name << "." << column << " takes " << value;
      EXPECT_EQ(made.error().code, Errc::invalid_argument) << column << ": " << made.error().message;
    }
  }
  std::string tier() { return UserRepository(app_).find_by_id(user_, user_)->subscription_tier; }
  std::int64_t storage() { return UserRepository(app_).find_by_id(user_, user_)->storage_used_bytes; }
};

TEST_F(StoreRules, RefuseWhatIsNoneOfAnEnumerationOrOutOfItsRange) {
  refuses<User>({{"username", "a b"}, {"username", "ab"}, {"subscription_tier", "gold"}, {"settings", "{"}, {"email", ""}});
  refuses<AuthSession>({{"refresh_hash", "secret"}});
  refuses<ApiKey>({{"key_hash", "secret"}, {"name", ""}});
  refuses<Subscription>({{"plan", "gold"}, {"status", "paused"}, {"metadata", "[]"}, {"end_date", "1999-01-01 00:00:00+00"}});
  refuses<UsageMetric>({{"month", "2026-05-02"}, {"month", "May"}, {"quantity", "-1"}, {"action", ""}});
  refuses<Echo>({{"knowledge_scope", "some"}, {"settings", R"({"a": "\u0000"})"}});
  refuses<Message>({{"role", "narrator"}, {"echo_id", "none"}});
  refuses<VoiceSample>({{"format", "exe"},
                        {"duration_s", "-1"},
                        {"duration_s", "Infinity"},
                        {"duration_s", "NaN"},
                        {"sample_rate_hz", "0"},
                        {"channels", "0"},
                        {"quality_score", "10.5"},
                        {"status", "new"},
                        {"checksum", "abc"},
                        {"size_bytes", "-1"}});
  refuses<VoiceEmbedding>(
      {{"dimension", "2"}, {"distance", "euclidean"}, {"embedding", "{1,NaN,2}"}, {"embedding", "{1,Infinity,2}"}, {"model", ""}});
  refuses<VoiceModel>({{"quality_score", "1.5"}, {"status", "new"}, {"provider", ""}, {"settings", "1"}});
  refuses<FaceModel>({{"resolution", "{}"}, {"resolution", R"({"width": 1, "height": 0})"}, {"quality_score", "-0.1"}});
  refuses<KnowledgeDocument>({{"status", "new"}, {"chunk_count", "-1"}, {"size_bytes", "-1"}, {"checksum", ""}, {"filename", ""}});
  refuses<KnowledgeChunk>({{"ordinal", "-1"}, {"token_count", "-1"}, {"embedding", "{NaN}"}});
  refuses<SynthesisJob>({{"output_format", "ogg"},
                         {"status", "new"},
                         {"progress", "1.1"},
                         {"text_content", ""},
                         {"text_hash", "x"},
                         {"config", R"({"timestamp_granularity": "phrase"})"},
                         {"voice_id", ""}});
  refuses<AudioFile>({{"duration_s", "0"}, {"format", "exe"}, {"checksum", "x"}, {"size_bytes", "-1"}, {"blob_key", ""}});
  refuses<AudioAlignment>({{"granularity", "phrase"},
                           {"units", "{one}"},
                           {"start_times", "{0.5,0.4}"},
                           {"end_times", "{0.35,0.2}"},
                           {"start_times", "{0.36,0.4}"},
                           {"end_times", "{0.35,NaN}"},
                           {"start_times", "{-1,0.4}"},
                           {"start_times", "{0}"}});
  refuses<GenerationHistory>({{"status", "new"}, {"settings", "[]"}});
}

TEST_F(StoreRules, SayConflictForWhatIsTakenOrMissing) {
  const auto key = stored<ApiKey>(user_);
  EXPECT_EQ(creating(with(sample<ApiKey>(user_), "key_hash", key.key_hash)), Errc::conflict);
  EXPECT_EQ(creating(with(sample<VoiceEmbedding>(user_), "sample_id", new_uuid())), Errc::conflict);
  const auto other = make_user();
  EXPECT_EQ(creating(with(sample<VoiceEmbedding>(user_), "sample_id", stored<VoiceSample>(other).id)), Errc::conflict)
      << "another's sample";
  EXPECT_EQ(creating(with(sample<KnowledgeDocument>(user_), "echo_id", stored<Echo>(other).id)), Errc::conflict) << "another's clone";
  auto user = sample<User>(new_uuid());
  ASSERT_TRUE(UserRepository(app_).create(user, user.id));
  auto again = sample<User>(new_uuid());
  for (auto& c : user.email) c = static_cast<char>(std::toupper(c));
  again.email = user.email;
  EXPECT_EQ(UserRepository(app_).create(again, again.id).error().code, Errc::conflict) << "an email in another case";
}

TEST_F(StoreRules, CreateManyRowsInOneStatementAllOrNone) {
  std::vector<KnowledgeChunk> chunks;
  const auto document = stored<KnowledgeDocument>(user_);
  for (int i = 0; i < 300; ++i) {
    KnowledgeChunk chunk;
    chunk.document_id = document.id;
    chunk.ordinal = i;
    chunk.text = "piece " + std::to_string(i);
    if (i % 2) chunk.embedding = std::vector<float>{static_cast<float>(i)};
    chunks.push_back(chunk);
  }
  KnowledgeChunkRepository repository(app_);
  const auto of_document = Filter<KnowledgeChunk>().where<&KnowledgeChunk::document_id>(document.id);
  chunks.back().ordinal = 0;
  EXPECT_EQ(repository.create_many(chunks, user_).error().code, Errc::conflict);
  EXPECT_EQ(*repository.count(of_document, user_), 0);
  chunks.back().ordinal = 299;
  const auto made = repository.create_many(chunks, user_);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_EQ((*made)[static_cast<std::size_t>(i)].text, "piece " + std::to_string(i));
  EXPECT_FALSE((*made)[0].embedding.has_value());
  EXPECT_EQ((*made)[7].embedding, std::vector<float>{7});
  EXPECT_EQ(repository.create_many(std::vector<KnowledgeChunk>(batch_rows_max + 1, chunks[0]), user_).error().code, Errc::invalid_argument);
  EXPECT_EQ(repository.create_many({}, user_)->size(), 0u);
}

TEST_F(StoreRules, FilterByEveryKindOfComparison) {
  VoiceSampleRepository repository(app_);
  for (int i = 0; i < 5; ++i) {
    auto row = sample<VoiceSample>(user_);
    row.name = "n" + std::to_string(i);
    row.duration_s = i;
    if (i == 4) row.quality_score.reset();
    created(row, user_);
  }
  using F = Filter<VoiceSample>;
  const auto count = [&](const F& filter) { return *repository.count(filter, user_); };
  EXPECT_EQ(count(F().where<&VoiceSample::name>("n2")), 1);
  EXPECT_EQ(count(F().where<&VoiceSample::name>(Is::not_equal, "n2")), 4);
  EXPECT_EQ(count(F().where<&VoiceSample::duration_s>(Is::less, 2.0)), 2);
  EXPECT_EQ(count(F().where<&VoiceSample::duration_s>(Is::at_most, 2.0)), 3);
  EXPECT_EQ(count(F().where<&VoiceSample::duration_s>(Is::greater, 2.0)), 2);
  EXPECT_EQ(count(F().where<&VoiceSample::duration_s>(Is::at_least, 2.0).where<&VoiceSample::name>("n3")), 1);
  EXPECT_EQ(count(F().one_of<&VoiceSample::name>({"n0", "n4", "' OR true --"})), 2);
  EXPECT_EQ(count(F().one_of<&VoiceSample::name>({})), 0);
  EXPECT_EQ(count(F().is_null<&VoiceSample::quality_score>()), 1);
  EXPECT_EQ(count(F().is_null<&VoiceSample::quality_score>(false)), 4);
  EXPECT_EQ(count(F().where<&VoiceSample::quality_score>(std::nullopt)), 1);
  const auto by_name = repository.find_many({}, user_, Order<VoiceSample>::by<&VoiceSample::name>(false));
  ASSERT_EQ(by_name->rows.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(by_name->rows[i].name, "n" + std::to_string(i));
  EXPECT_EQ(repository.find_many({}, user_, Order<VoiceSample>::by<&VoiceSample::quality_score>(false)).error().code, Errc::internal)
      << "what may be null orders nothing";
}

TEST_F(StoreRules, ShowPublicRowsToEverybodyAndLetNobodyElseChangeThem) {
  const auto bob = make_user();
  auto voice = sample<VoiceSample>(user_);
  voice.is_public = true;
  voice = created(voice, user_);
  auto embedding = sample<VoiceEmbedding>(user_);
  embedding.sample_id = voice.id;
  embedding = created(embedding, user_);
  auto file = sample<AudioFile>(user_);
  file.is_public = true;
  file = created(file, user_);
  auto alignment = sample<AudioAlignment>(user_);
  alignment.audio_file_id = file.id;
  alignment = created(alignment, user_);
  auto echo = sample<Echo>(user_);
  echo.is_public = true;
  echo = created(echo, user_);

  const auto readable = [&]<class R>(const R& row) {
    const std::string table = R::table().sql().spec().name;
    Repository<R> repository(app_);
    for (const auto& reader : {bob, std::string()}) {
      EXPECT_TRUE(repository.find_by_id(row.id, reader)) << table;
      EXPECT_TRUE(*repository.exists(id_is<R>(row.id).whose(Whose::others), reader)) << table;
      EXPECT_FALSE(*repository.exists(id_is<R>(row.id).own(), reader)) << table;
      EXPECT_EQ(repository.remove(row.id, reader).error().code, Errc::not_found) << table;
      EXPECT_EQ(repository.hard_delete(row.id, reader).error().code, Errc::not_found) << table;
      for (const auto& verb : {"UPDATE " + table + " SET updated_at = now()", "DELETE FROM " + table}) {
        const auto sql = verb + " WHERE id = $1", name = "raw_" + new_uuid();
        EXPECT_EQ(*app_.run(
                      [&](Transaction& t) {
                        return t.exec({name.c_str(), sql.c_str()}, Params(row.id)).affected();
                      },
                      {.user_id = reader}),
                  0u)
            << sql;
      }
    }
    EXPECT_FALSE(*repository.exists(id_is<R>(row.id).whose(Whose::others), user_)) << "not of others";
  };
  readable(voice);
  readable(embedding);
  readable(file);
  readable(alignment);
  readable(echo);

  ASSERT_TRUE(VoiceSampleRepository(app_).remove(voice.id, user_));
  EXPECT_FALSE(VoiceSampleRepository(app_).find_by_id(voice.id, bob));
  EXPECT_FALSE(*VoiceSampleRepository(app_).exists(id_is<VoiceSample>(voice.id).deleted(Deleted::both), bob));
  EXPECT_FALSE(VoiceEmbeddingRepository(app_).find_by_id(embedding.id, bob)) << "it is gone with its sample";
  EXPECT_FALSE(VoiceEmbeddingRepository(app_).find_by_id(embedding.id, user_));
}

TEST_F(StoreRules, LetTheActiveSubscriptionSetTheTier) {
  SubscriptionRepository subscriptions(app_);
  EXPECT_EQ(tier(), "free");
  auto row = sample<Subscription>(user_);
  row.status = "active";
  row = created(row, user_);
  EXPECT_EQ(tier(), "pro");
  auto second = sample<Subscription>(user_);
  second.status = "active";
  EXPECT_EQ(creating(second), Errc::conflict) << "one is active at a time";
  ASSERT_TRUE(subscriptions.update(row.id, Patch<Subscription>().set<&Subscription::plan>("enterprise"), user_));
  EXPECT_EQ(tier(), "enterprise");
  ASSERT_TRUE(subscriptions.update(row.id, Patch<Subscription>().set<&Subscription::status>("expired"), user_));
  EXPECT_EQ(tier(), "free");
  ASSERT_TRUE(subscriptions.update(row.id, Patch<Subscription>().set<&Subscription::status>("active"), user_));
  EXPECT_EQ(tier(), "enterprise");
  ASSERT_TRUE(subscriptions.hard_delete(row.id, user_));
  EXPECT_EQ(tier(), "free");
}

TEST_F(StoreRules, CountStorageWithWhatTakesIt) {
  ASSERT_EQ(storage(), 0);
  const auto voice = stored<VoiceSample>(user_);
  EXPECT_EQ(storage(), 1000);
  const auto document = stored<KnowledgeDocument>(user_);
  EXPECT_EQ(storage(), 1500);
  ASSERT_TRUE(KnowledgeDocumentRepository(app_).remove(document.id, user_));
  EXPECT_EQ(storage(), 1500) << "it still lies there";
  ASSERT_TRUE(EchoRepository(app_).hard_delete(*document.echo_id, user_));
  EXPECT_EQ(storage(), 1000) << "a document goes with its clone";
  ASSERT_TRUE(VoiceSampleRepository(app_).hard_delete(voice.id, user_));
  EXPECT_EQ(storage(), 0);
}

TEST_F(StoreRules, KeepOneVoiceModelActiveForAProvider) {
  VoiceModelRepository models(app_);
  const auto first = stored<VoiceModel>(user_), second = stored<VoiceModel>(user_);
  auto elsewhere = sample<VoiceModel>(user_);
  elsewhere.provider = "flite";
  elsewhere.is_active = true;
  elsewhere = created(elsewhere, user_);
  ASSERT_TRUE(models.activate(first.id, user_));
  EXPECT_EQ(models.update(second.id, Patch<VoiceModel>().set<&VoiceModel::is_active>(true), user_).error().code, Errc::conflict);
  const auto active = models.activate(second.id, user_);
  ASSERT_TRUE(active) << active.error().message;
  EXPECT_TRUE(active->is_active);
  EXPECT_FALSE(models.find_by_id(first.id, user_)->is_active);
  EXPECT_TRUE(models.find_by_id(elsewhere.id, user_)->is_active) << "another provider's";
  EXPECT_EQ(models.activate(first.id, make_user()).error().code, Errc::not_found);
  ASSERT_TRUE(models.remove(second.id, user_));
  ASSERT_TRUE(models.activate(first.id, user_));
  ASSERT_TRUE(models.restore(second.id, user_));
  EXPECT_FALSE(models.find_by_id(second.id, user_)->is_active) << "it comes back as one of the others";
}

TEST_F(StoreRules, KeepTheCloneWhenItsVoiceModelGoes) {
  const auto model = stored<VoiceModel>(user_);
  auto echo = sample<Echo>(user_);
  echo.voice_model_id = model.id;
  echo = created(echo, user_);
  ASSERT_TRUE(VoiceModelRepository(app_).hard_delete(model.id, user_));
  EXPECT_EQ(EchoRepository(app_).find_by_id(echo.id, user_)->voice_model_id, std::nullopt);
}

TEST_F(StoreRules, FindSimilarVoicesAmongOnesOwnAndPublicOnes) {
  const auto bob = make_user();
  const auto model = "similarity-" + new_uuid();
  const auto voice = [&](const std::string& user, const char* name, bool is_public, std::vector<float> direction) {
    auto row = sample<VoiceSample>(user);
    row.name = name;
    row.is_public = is_public;
    row = created(row, user);
    VoiceEmbedding embedding;
    embedding.sample_id = row.id;
    embedding.model = model;
    embedding.dimension = static_cast<int>(direction.size());
    embedding.embedding = std::move(direction);
    created(embedding, user);
    return row.id;
  };
  const auto mine = voice(user_, "mine", false, {1, 0, 0});
  voice(user_, "mine, opposite", false, {-2, 0, 0});
  voice(user_, "of another dimension", false, {1, 0});
  voice(bob, "bob's public", true, {1, 1, 0});
  voice(bob, "bob's private", false, {1, 0, 0});
  VoiceEmbeddingRepository embeddings(app_);
  const auto near = embeddings.similar_to(model, {2, 0, 0}, user_);
  ASSERT_TRUE(near) << near.error().message;
  ASSERT_EQ(near->size(), 3u);
  EXPECT_EQ((*near)[0].name, "mine");
  EXPECT_NEAR((*near)[0].similarity, 1, 1e-6);
  EXPECT_EQ((*near)[1].name, "bob's public");
  EXPECT_NEAR((*near)[1].similarity, std::sqrt(0.5), 1e-6);
  EXPECT_NEAR((*near)[2].similarity, -1, 1e-6);
  const auto others = embeddings.similar_to_sample(mine, user_, 1);
  ASSERT_EQ(others->size(), 1u);
  EXPECT_EQ((*others)[0].name, "bob's public");
  EXPECT_EQ(embeddings.similar_to_sample(mine, bob).error().code, Errc::not_found);
  EXPECT_EQ(embeddings.similar_to(model, {2, 0, 0}, "")->size(), 1u) << "nobody sees public ones only";
}

TEST_F(StoreRules, TellWhoseACredentialIsAndNothingElse) {
  const auto session = stored<AuthSession>(user_);
  const auto key = stored<ApiKey>(user_);
  EXPECT_EQ(*AuthSessionRepository(app_).user_of_refresh_hash(session.refresh_hash), user_);
  EXPECT_EQ(*ApiKeyRepository(app_).user_of_key_hash(key.key_hash), user_);
  EXPECT_EQ(ApiKeyRepository(app_).user_of_key_hash(session.refresh_hash).error().code, Errc::not_found);
  UserRepository users(app_);
  EXPECT_EQ(*users.id_of_external("test:" + user_), user_);
  ASSERT_TRUE(users.update(user_, Patch<User>().set<&User::email>("Ann." + user_ + "@Example.org"), user_));
  EXPECT_EQ(*users.id_of_email("ann." + user_ + "@example.ORG"), user_);
  EXPECT_EQ(users.id_of_email("ann%").error().code, Errc::not_found);
  ASSERT_TRUE(users.remove(user_, user_));
  EXPECT_EQ(users.id_of_external("test:" + user_).error().code, Errc::not_found);
  EXPECT_NEAR(static_cast<double>(to_ms(session.expires_at - session.created_at)), 7 * 86'400e3, 1e3);
}

TEST_F(StoreRules, AddUpAMonthsUsage) {
  UsageMetricRepository usage(app_);
  ASSERT_TRUE(usage.add(user_, "tts.characters", "kokoro", 40));
  ASSERT_TRUE(usage.add(user_, "tts.characters", "kokoro", 2));
  ASSERT_TRUE(usage.add(user_, "tts.characters", "flite", 1));
  const auto row = usage.find_one(Filter<UsageMetric>().where<&UsageMetric::subject>("kokoro"), user_);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(row->quantity, 42);
  EXPECT_EQ(row->month->substr(7), "-01");
  EXPECT_FALSE(usage.add(user_, "tts.characters", "kokoro", -100)) << "never below nothing";
}

TEST_F(StoreRules, DeleteAUserWithEverythingOfTheirs) {
  const auto turn = recorded_turn(user_);
  stored<GenerationHistory>(user_);
  stored<KnowledgeChunk>(user_);
  stored<AudioAlignment>(user_);
  stored<UsageMetric>(user_);
  const auto deleted = UserRepository(app_).hard_delete(user_, user_);
  ASSERT_TRUE(deleted) << deleted.error().message;
  for (const char* table :
       {"echos", "conversation_sessions", "conversation_turns", "messages", "voice_samples", "voice_models", "knowledge_documents",
        "knowledge_chunks", "synthesis_jobs", "audio_files", "audio_alignments", "generation_history", "usage_metrics"}) {
    const auto name = std::string("left_") + table, sql = std::string("SELECT count(*) AS v FROM ") + table + " WHERE user_id = $1";
    EXPECT_EQ(scalar({name.c_str(), sql.c_str()}, Params(user_)), "0") << table;
  }
}

TEST_F(StoreRules, FindChunksByTheirWords) {
  const auto chunk = stored<KnowledgeChunk>(user_);
  EXPECT_EQ(scalar({"by_words", "SELECT count(*) AS v FROM knowledge_chunks WHERE id = $1 AND tsv @@ websearch_to_tsquery('english', $2)"},
                   Params(chunk.id, "keeper talk")),
            "1");
}

TEST_F(StoreRules, HideWhatHangsOnASoftlyDeletedRow) {
  const auto chunk = stored<KnowledgeChunk>(user_);
  const auto turn = recorded_turn(user_);
  ASSERT_TRUE(KnowledgeDocumentRepository(app_).remove(chunk.document_id, user_));
  ASSERT_TRUE(SessionRepository(app_).remove(turn.session_id, user_));
  EXPECT_FALSE(KnowledgeChunkRepository(app_).find_by_id(chunk.id, user_));
  EXPECT_FALSE(ConversationTurnRepository(app_).find_by_id(turn.id, user_));
  EXPECT_EQ(*MessageRepository(app_).count(Filter<Message>().where<&Message::session_id>(turn.session_id), user_), 0);
  ASSERT_TRUE(KnowledgeDocumentRepository(app_).restore(chunk.document_id, user_));
  EXPECT_TRUE(KnowledgeChunkRepository(app_).find_by_id(chunk.id, user_));
}

TEST_F(StoreRules, JoinSeveralTablesInOneTransaction) {
  const auto voice = sample<VoiceSample>(user_);
  std::string id;
  const auto failed = app_.run(
      [&](Transaction& t) {
        id = VoiceSample::table().create(t, voice, user_).id;
        VoiceModel model;
        model.sample_id = id;  // but no name, no provider
        VoiceModel::table().create(t, model, user_);
      },
      {.user_id = user_});
  EXPECT_EQ(failed.error().code, Errc::invalid_argument);
  EXPECT_FALSE(VoiceSampleRepository(app_).find_by_id(id, user_)) << "all or nothing";
}

}  // namespace
}  // namespace repartee::persistence::test
