DROP FUNCTION user_of_key_hash(text);
DROP FUNCTION user_of_refresh_hash(text);
DROP FUNCTION user_of_external_id(text);
DROP FUNCTION user_of_email(text);
DROP TABLE generation_history;
DROP TABLE audio_alignments;
DROP TABLE audio_files;
DROP TABLE synthesis_jobs;
DROP TABLE knowledge_chunks;
DROP TABLE knowledge_documents;
ALTER TABLE echos
  DROP CONSTRAINT echos_face_model_fkey,
  DROP CONSTRAINT echos_voice_model_fkey,
  DROP CONSTRAINT echos_id_user_id_key,
  DROP COLUMN face_model_id,
  DROP COLUMN voice_model_id;
DROP TABLE face_models;
DROP TABLE voice_models;
DROP TABLE voice_embeddings;
DROP TABLE voice_samples;
DROP TABLE usage_metrics;
DROP TABLE subscriptions;
DROP TABLE api_keys;
DROP TABLE auth_sessions;
DROP FUNCTION count_storage();
DROP FUNCTION set_subscription_tier();
DROP FUNCTION cosine_similarity(real[], real[]);
DROP FUNCTION spans_in_order(real[], real[]);
