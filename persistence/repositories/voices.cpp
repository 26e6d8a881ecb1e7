#include "persistence/repositories/voices.hpp"

namespace repartee::persistence {
namespace {

// $4: a sample to leave out, or null.
constexpr Statement nearest{"voice_embeddings_nearest", R"(
  SELECT s.id AS sample_id, s.user_id, s.name, cosine_similarity(e.embedding, $2::real[]) AS similarity
  FROM voice_embeddings AS e JOIN voice_samples AS s ON s.id = e.sample_id
  WHERE (s.user_id = app_user_id() OR s.is_public) AND s.deleted_at IS NULL
    AND e.model = $1 AND e.dimension = cardinality($2::real[]) AND s.id IS DISTINCT FROM $4::uuid
  ORDER BY similarity DESC NULLS LAST, s.id LIMIT $3)"};
constexpr Statement deactivate_others{
    "voice_models_others",
    "UPDATE voice_models SET is_active = false WHERE user_id = app_user_id() AND provider = $1 AND is_active"
    " AND id <> $2::uuid"};

std::vector<SimilarVoice> nearest_to(Transaction& t, const std::string& model, const std::vector<float>& embedding,
                                     const std::optional<std::string>& left_out, std::size_t limit) {
  const auto rows = t.exec(nearest, Params(model, array_text(embedding), std::min(limit, VoiceEmbeddingRepository::similar_max), left_out));
  std::vector<SimilarVoice> voices;
  for (const auto& row : rows)
    voices.push_back({row.text("sample_id"), row.text("user_id"), row.text("name"), row.maybe_real("similarity").value_or(0)});
  return voices;
}

}  // namespace

const Table<VoiceSample>& VoiceSample::table() {
  using C = Columns<VoiceSample>;
  static const Table<VoiceSample> table(
      {.name = "voice_samples", .public_when = "is_public"},
      {C::open<&VoiceSample::name>("name"), C::fixed<&VoiceSample::blob_key>("blob_key"), C::fixed<&VoiceSample::format>("format"),
       C::fixed<&VoiceSample::size_bytes>("size_bytes"), C::open<&VoiceSample::duration_s>("duration_s"),
       C::open<&VoiceSample::sample_rate_hz>("sample_rate_hz"), C::open<&VoiceSample::channels>("channels"),
       C::open<&VoiceSample::language>("language"), C::open<&VoiceSample::quality_score>("quality_score"),
       C::open<&VoiceSample::quality_notes>("quality_notes"), C::open<&VoiceSample::status>("status"),
       C::open<&VoiceSample::error>("error"), C::fixed<&VoiceSample::checksum>("checksum"), C::open<&VoiceSample::is_public>("is_public")});
  return table;
}

const Table<VoiceEmbedding>& VoiceEmbedding::table() {
  using C = Columns<VoiceEmbedding>;
  static const Table<VoiceEmbedding> table(
      {.name = "voice_embeddings",
       .public_when = "EXISTS (SELECT FROM voice_samples AS s WHERE s.id = sample_id AND s.is_public AND s.deleted_at IS NULL)",
       .alive = "EXISTS (SELECT FROM voice_samples AS s WHERE s.id = sample_id AND s.deleted_at IS NULL)"},
      {C::fixed<&VoiceEmbedding::sample_id>("sample_id", "uuid"), C::open<&VoiceEmbedding::model>("model"),
       C::open<&VoiceEmbedding::dimension>("dimension"), C::open<&VoiceEmbedding::distance>("distance"),
       C::open<&VoiceEmbedding::embedding>("embedding")});
  return table;
}

const Table<VoiceModel>& VoiceModel::table() {
  using C = Columns<VoiceModel>;
  static const Table<VoiceModel> table(
      {.name = "voice_models"}, {C::open<&VoiceModel::sample_id>("sample_id", "uuid"), C::open<&VoiceModel::name>("name"),
                                 C::open<&VoiceModel::provider>("provider"), C::open<&VoiceModel::provider_model_id>("provider_model_id"),
                                 C::open<&VoiceModel::model_path>("model_path"), C::open<&VoiceModel::model_type>("model_type"),
                                 C::open<&VoiceModel::quality_score>("quality_score"), C::open<&VoiceModel::status>("status"),
                                 C::open<&VoiceModel::is_active>("is_active"), C::open<&VoiceModel::settings_json>("settings", "jsonb")});
  return table;
}

const Table<FaceModel>& FaceModel::table() {
  using C = Columns<FaceModel>;
  static const Table<FaceModel> table({.name = "face_models"},
                                      {C::open<&FaceModel::name>("name"), C::open<&FaceModel::model_path>("model_path"),
                                       C::open<&FaceModel::resolution_json>("resolution", "jsonb"),
                                       C::open<&FaceModel::quality_score>("quality_score"), C::open<&FaceModel::is_active>("is_active")});
  return table;
}

Result<std::vector<SimilarVoice>> VoiceEmbeddingRepository::similar_to(const std::string& model, const std::vector<float>& embedding,
                                                                       const std::string& user_id, std::size_t limit) {
  return as(user_id, [&](Transaction& t) { return nearest_to(t, model, embedding, std::nullopt, limit); });
}

Result<std::vector<SimilarVoice>> VoiceEmbeddingRepository::similar_to_sample(const std::string& sample_id, const std::string& user_id,
                                                                              std::size_t limit) {
  if (!is_uuid(sample_id)) return Error{Errc::not_found, "there is no such sample"};
  return as(user_id, [&](Transaction& t) {
    const auto own = VoiceEmbedding::table().find_one(t, Filter<VoiceEmbedding>().where<&VoiceEmbedding::sample_id>(sample_id));
    return nearest_to(t, own.model, own.embedding, sample_id, limit);
  });
}

Result<VoiceModel> VoiceModelRepository::activate(const std::string& id, const std::string& user_id) {
  return as(user_id, [&](Transaction& t) {
    const auto model = VoiceModel::table().find(t, id);
    t.exec(deactivate_others, Params(model.provider, id));
    return VoiceModel::table().update(t, id, Patch<VoiceModel>().set<&VoiceModel::is_active>(true));
  });
}

}  // namespace repartee::persistence
