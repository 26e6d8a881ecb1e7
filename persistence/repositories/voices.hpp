// Voice samples and what is made of them: embeddings, voice models; and face models.
// Thread contract: the rows are values; the repositories as repository.hpp says.
#pragma once
#include "persistence/repositories/repository.hpp"

namespace repartee::persistence {

struct VoiceSample {  // table voice_samples
  std::string id, user_id, name, blob_key;
  std::string format;           // wav | mp3 | flac | ogg | opus
  std::int64_t size_bytes = 0;  // counts into users.storage_used_bytes
  double duration_s = 0;
  int sample_rate_hz = 0, channels = 0;
  std::string language = "en-US";
  std::optional<double> quality_score;  // 0 to 10
  std::string quality_notes;
  std::string status = "uploaded";  // uploaded | processing | ready | failed
  std::string error;
  std::string checksum;    // SHA-256, hexadecimal
  bool is_public = false;  // readable by everybody, its embedding too
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<VoiceSample>& table();
};

struct VoiceEmbedding {  // table voice_embeddings; one a sample
  std::string id, user_id, sample_id;
  std::string model;  // which embedder; only those of one model can be compared
  int dimension = 0;
  std::string distance = "cosine";
  std::vector<float> embedding;  // `dimension` finite numbers
  WallTime created_at{}, updated_at{};
  static const Table<VoiceEmbedding>& table();
};

struct VoiceModel {  // table voice_models; at most one active a user and provider
  std::string id, user_id;
  std::optional<std::string> sample_id;
  std::string name, provider, provider_model_id, model_path, model_type;
  std::optional<double> quality_score;  // 0 to 1
  std::string status = "pending";       // pending | training | ready | failed
  bool is_active = false;
  std::string settings_json = "{}";
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<VoiceModel>& table();
};

struct FaceModel {  // table face_models
  std::string id, user_id, name, model_path;
  std::string resolution_json;          // {"width": 512, "height": 512}
  std::optional<double> quality_score;  // 0 to 1
  bool is_active = false;
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<FaceModel>& table();
};

using VoiceSampleRepository = Repository<VoiceSample>;
using FaceModelRepository = Repository<FaceModel>;

struct SimilarVoice {
  std::string sample_id, user_id, name;
  double similarity = 0;  // cosine: 1 the same direction, -1 the opposite
};

class VoiceEmbeddingRepository : public Repository<VoiceEmbedding> {
 public:
  static constexpr std::size_t similar_max = 100;
  using Repository::Repository;
  // The nearest samples among the caller's own and public ones, best first, by embeddings of the same model and dimension.
  Result<std::vector<SimilarVoice>> similar_to(const std::string& model, const std::vector<float>& embedding, const std::string& user_id,
                                               std::size_t limit = 10);
  // The same for a sample the caller can see, without itself. not_found when it has no embedding.
  Result<std::vector<SimilarVoice>> similar_to_sample(const std::string& sample_id, const std::string& user_id, std::size_t limit = 10);
};

class VoiceModelRepository : public Repository<VoiceModel> {
 public:
  using Repository::Repository;
  // Makes it the active one of its provider, and the one that was no longer so.
  Result<VoiceModel> activate(const std::string& id, const std::string& user_id);
};

}  // namespace repartee::persistence
