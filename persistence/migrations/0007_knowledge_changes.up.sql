-- Uploaded documents: where the file is, and everybody who remembers what documents say hears when it is no longer so. Needs cache_remove of
-- 0003. Compatible with the release before, which names its columns and leaves the new one at its default.

ALTER TABLE knowledge_documents ADD COLUMN blob_key text NOT NULL DEFAULT '';  -- the file as it was uploaded; '': not kept
CREATE INDEX knowledge_documents_blob_key ON knowledge_documents (blob_key) WHERE blob_key <> '';
CREATE INDEX knowledge_documents_same ON knowledge_documents (user_id, checksum);
CREATE INDEX knowledge_chunks_unembedded ON knowledge_chunks (document_id) WHERE embedding IS NULL;

-- Whoever searches hears the document's id (NOTIFY is sent at the commit, once a transaction), and what was cached of the owner's searches
-- and answers goes.
CREATE FUNCTION knowledge_changed(document uuid, owner uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('repartee_knowledge', document::text);
  PERFORM cache_remove('search:' || owner || ':', '-'), cache_remove('llm:' || owner || ':', '-');
END $$;

-- Only what is completed is searched, so only that is told: that it is so now, or is no longer, or is another.
CREATE FUNCTION knowledge_document_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.status = 'completed' THEN PERFORM knowledge_changed(OLD.id, OLD.user_id); END IF;
  ELSIF TG_OP = 'INSERT' THEN
    IF NEW.status = 'completed' THEN PERFORM knowledge_changed(NEW.id, NEW.user_id); END IF;
  ELSIF (NEW.status = 'completed') IS DISTINCT FROM (OLD.status = 'completed')
        OR NEW.status = 'completed' AND (NEW.deleted_at, NEW.echo_id, NEW.filename, NEW.vector_ids)
                                        IS DISTINCT FROM (OLD.deleted_at, OLD.echo_id, OLD.filename, OLD.vector_ids) THEN
    PERFORM knowledge_changed(NEW.id, NEW.user_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER tell_change AFTER INSERT OR DELETE OR UPDATE ON knowledge_documents
  FOR EACH ROW EXECUTE FUNCTION knowledge_document_changed();

-- Once a statement, however many chunks it changed. Those that go with their document are told by the document.
CREATE FUNCTION knowledge_chunks_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM knowledge_changed(d.id, d.user_id) FROM knowledge_documents AS d
    WHERE d.id IN (SELECT document_id FROM changed) AND d.status = 'completed';
  RETURN NULL;
END $$;
CREATE TRIGGER tell_insert AFTER INSERT ON knowledge_chunks REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION knowledge_chunks_changed();
CREATE TRIGGER tell_update AFTER UPDATE ON knowledge_chunks REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION knowledge_chunks_changed();
CREATE TRIGGER tell_delete AFTER DELETE ON knowledge_chunks REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION knowledge_chunks_changed();
