DROP TRIGGER cache_clone_changed ON echos;
DROP FUNCTION cache_clone_changed();
DROP FUNCTION cache_sweep(bigint, bigint);
DROP FUNCTION cache_remove(text, text);
DROP FUNCTION cache_notify(text, text);
DROP TABLE tts_audio_cache, llm_response_cache, vector_search_cache, embedding_cache;
