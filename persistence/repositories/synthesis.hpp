// Speech made on request: jobs, the files they leave, when which word is said in them, and the history of generations.
// Thread contract: the rows are values; the repositories as repository.hpp says.
#pragma once
#include "persistence/repositories/repository.hpp"

namespace repartee::persistence {

struct SynthesisJob {  // table synthesis_jobs
  std::string id, user_id;
  std::optional<std::string> voice_model_id;  // none: a provider's own voice
  std::string tts_provider, voice_id;         // always there; of a voice model the name its provider gave it
  std::string text_content;
  std::string text_hash;  // SHA-256 of voice, settings and text
  std::string config_json = R"({"include_timestamps": false, "timestamp_granularity": "word", "speed": 1.0, "pitch": 1.0, "volume": 1.0})";
  std::string output_format = "wav";  // wav | mp3 | flac | opus
  int sample_rate_hz = 24000;
  std::string status = "pending";  // pending | processing | completed | failed
  double progress = 0;             // 0 to 1
  std::optional<double> estimated_duration_s;
  bool cache_hit = false;
  std::string error;
  std::optional<WallTime> completed_at;
  WallTime created_at{}, updated_at{};
  static const Table<SynthesisJob>& table();
};

struct AudioFile {  // table audio_files
  std::string id, user_id, job_id, blob_key, filename;
  std::string format;           // wav | mp3 | flac | ogg | opus
  std::int64_t size_bytes = 0;  // counts into users.storage_used_bytes
  double duration_s = 0;        // more than 0
  int sample_rate_hz = 0;
  std::string checksum;  // SHA-256, hexadecimal
  std::string metadata_json = "{}";
  bool is_public = false;  // readable by everybody, its alignments too
  std::int64_t download_count = 0;
  WallTime expires_at{};  // left open: 30 days on
  std::optional<WallTime> last_accessed_at;
  WallTime created_at{}, updated_at{};
  static const Table<AudioFile>& table();
};

struct AudioAlignment {  // table audio_alignments; unique by file and granularity
  std::string id, user_id, audio_file_id;
  std::string granularity;                    // word | syllable | character
  std::vector<std::string> units;             // and for each of them, in seconds, never going back:
  std::vector<float> start_times, end_times;  // start <= end
  WallTime created_at{}, updated_at{};
  static const Table<AudioAlignment>& table();
};

struct GenerationHistory {  // table generation_history
  std::string id, user_id, job_id;
  std::optional<std::string> audio_file_id;
  std::string voice_id, model_id;
  std::string settings_json = "{}";
  std::string status = "pending";  // pending | processing | completed | failed
  std::string error;
  WallTime created_at{}, updated_at{};
  static const Table<GenerationHistory>& table();
};

using SynthesisJobRepository = Repository<SynthesisJob>;
class AudioFileRepository : public Repository<AudioFile> {
 public:
  using Repository::Repository;
  // Somebody took the file, the owner or, where it is public, anybody: how often that makes.
  Result<std::int64_t> count_download(const std::string& id, const std::string& user_id);
};
using AudioAlignmentRepository = Repository<AudioAlignment>;
using GenerationHistoryRepository = Repository<GenerationHistory>;

}  // namespace repartee::persistence
