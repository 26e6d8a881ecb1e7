#include "persistence/repositories/synthesis.hpp"

#include "persistence/database_error.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement count_one{"audio_file_downloaded", "SELECT audio_file_downloaded($1) AS count"};

}  // namespace

const Table<SynthesisJob>& SynthesisJob::table() {
  using C = Columns<SynthesisJob>;
  static const Table<SynthesisJob> table(
      {.name = "synthesis_jobs"},
      {C::fixed<&SynthesisJob::voice_model_id>("voice_model_id", "uuid"), C::fixed<&SynthesisJob::tts_provider>("tts_provider"),
       C::fixed<&SynthesisJob::voice_id>("voice_id"), C::fixed<&SynthesisJob::text_content>("text_content"),
       C::fixed<&SynthesisJob::text_hash>("text_hash"), C::fixed<&SynthesisJob::config_json>("config", "jsonb"),
       C::fixed<&SynthesisJob::output_format>("output_format"), C::fixed<&SynthesisJob::sample_rate_hz>("sample_rate_hz"),
       C::open<&SynthesisJob::status>("status"), C::open<&SynthesisJob::progress>("progress"),
       C::open<&SynthesisJob::estimated_duration_s>("estimated_duration_s"), C::open<&SynthesisJob::cache_hit>("cache_hit"),
       C::open<&SynthesisJob::error>("error"), C::open<&SynthesisJob::completed_at>("completed_at")});
  return table;
}

const Table<AudioFile>& AudioFile::table() {
  using C = Columns<AudioFile>;
  static const Table<AudioFile> table(
      {.name = "audio_files", .public_when = "is_public"},
      {C::fixed<&AudioFile::job_id>("job_id", "uuid"), C::fixed<&AudioFile::blob_key>("blob_key"),
       C::open<&AudioFile::filename>("filename"), C::fixed<&AudioFile::format>("format"), C::fixed<&AudioFile::size_bytes>("size_bytes"),
       C::fixed<&AudioFile::duration_s>("duration_s"), C::fixed<&AudioFile::sample_rate_hz>("sample_rate_hz"),
       C::fixed<&AudioFile::checksum>("checksum"), C::open<&AudioFile::metadata_json>("metadata", "jsonb"),
       C::open<&AudioFile::is_public>("is_public"), C::open<&AudioFile::download_count>("download_count"),
       C::open<&AudioFile::expires_at>("expires_at").or_else("now() + interval '30 days'"),
       C::open<&AudioFile::last_accessed_at>("last_accessed_at")});
  return table;
}

const Table<AudioAlignment>& AudioAlignment::table() {
  using C = Columns<AudioAlignment>;
  static const Table<AudioAlignment> table(
      {.name = "audio_alignments", .public_when = "EXISTS (SELECT FROM audio_files AS f WHERE f.id = audio_file_id AND f.is_public)"},
      {C::fixed<&AudioAlignment::audio_file_id>("audio_file_id", "uuid"), C::fixed<&AudioAlignment::granularity>("granularity"),
       C::open<&AudioAlignment::units>("units"), C::open<&AudioAlignment::start_times>("start_times"),
       C::open<&AudioAlignment::end_times>("end_times")});
  return table;
}

const Table<GenerationHistory>& GenerationHistory::table() {
  using C = Columns<GenerationHistory>;
  static const Table<GenerationHistory> table(
      {.name = "generation_history"},
      {C::fixed<&GenerationHistory::job_id>("job_id", "uuid"), C::open<&GenerationHistory::audio_file_id>("audio_file_id", "uuid"),
       C::fixed<&GenerationHistory::voice_id>("voice_id"), C::fixed<&GenerationHistory::model_id>("model_id"),
       C::fixed<&GenerationHistory::settings_json>("settings", "jsonb"), C::open<&GenerationHistory::status>("status"),
       C::open<&GenerationHistory::error>("error")});
  return table;
}

Result<std::int64_t> AudioFileRepository::count_download(const std::string& id, const std::string& user_id) {
  return as(user_id, [&](Transaction& t) {
    const auto rows = t.exec(count_one, Params(id));
    if (rows[0].is_null("count")) throw DatabaseError(Errc::not_found, "there is no such audio file");
    return rows[0].integer("count");
  });
}

}  // namespace repartee::persistence
