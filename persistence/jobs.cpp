#include "persistence/jobs.hpp"

#include <algorithm>

#include "core/ids.hpp"

namespace repartee::persistence {
namespace {

#define REPARTEE_JOB_COLUMNS                                                                                                        \
  "id, user_id, queue, kind, payload, status, progress, attempts, attempts_max, cancel_asked, result, error, run_at, locked_until," \
  " finished_at, expires_at"

constexpr Statement insert_job{
    "jobs_insert",
    "INSERT INTO jobs (id, user_id, queue, kind, payload, unique_key, attempts_max, run_at)"
    " VALUES ($1, nullif($2, '')::uuid, $3, $4, $5::jsonb, nullif($6, ''), $7, coalesce($8::timestamptz, now())) ON CONFLICT DO NOTHING"};
constexpr Statement find_unique{"jobs_find_unique",
                                "SELECT id FROM jobs WHERE unique_key = $2 AND user_id IS NOT DISTINCT FROM nullif($1, '')::uuid"};
constexpr Statement find_job{"jobs_find", "SELECT " REPARTEE_JOB_COLUMNS " FROM jobs WHERE id = $1 AND ($2 = '' OR user_id = $2::uuid)"};
constexpr Statement list_jobs{"jobs_list", "SELECT " REPARTEE_JOB_COLUMNS
                                           " FROM jobs WHERE ($1 = '' OR status = $1) AND ($2 = '' OR user_id = $2::uuid)"
                                           " ORDER BY created_at DESC, id DESC LIMIT $3"};
constexpr Statement cancel_job{"jobs_cancel",
                               "UPDATE jobs SET cancel_asked = true, status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,"
                               " finished_at = CASE status WHEN 'queued' THEN now() END,"
                               " expires_at = CASE status WHEN 'queued' THEN now() + interval '24 hours' END"
                               " WHERE id = $1 AND ($2 = '' OR user_id = $2::uuid) AND status IN ('queued', 'running')"};
constexpr Statement revive_job{"jobs_revive",
                               "UPDATE jobs SET status = 'queued', attempts = 0, run_at = now(), finished_at = NULL, expires_at = NULL"
                               " WHERE id = $1 AND status = 'dead'"};
#undef REPARTEE_JOB_COLUMNS

const Error no_such_job{Errc::not_found, "there is no such job"};

}  // namespace

JobRecord to_job(const Row& row) {
  JobRecord job;
  job.id = row.text("id");
  job.user_id = row.text("user_id");
  job.queue = row.text("queue");
  job.kind = row.text("kind");
  job.payload_json = row.text("payload");
  job.status = row.text("status");
  job.progress = row.maybe_real("progress").value_or(0);
  job.attempts = static_cast<int>(row.integer("attempts"));
  job.attempts_max = static_cast<int>(row.integer("attempts_max"));
  job.cancel_asked = row.boolean("cancel_asked");
  job.result_json = row.text("result");
  job.error = row.text("error");
  job.run_at = row.maybe_time("run_at");
  job.locked_until = row.maybe_time("locked_until");
  job.finished_at = row.maybe_time("finished_at");
  job.expires_at = row.maybe_time("expires_at");
  return job;
}

std::string JobQueue::enqueue_in(Transaction& transaction, const NewJob& job) {
  if (job.payload_json.size() > payload_bytes_max) throw DatabaseError(Errc::invalid_argument, "the job's payload is too large");
  const auto id = new_uuid();
  const auto inserted = transaction.exec(
      insert_job, Params(id, job.user_id, job.queue, job.kind, job.payload_json, job.unique_key, job.attempts_max, job.run_at));
  if (inserted.affected() > 0) return id;
  const auto there = transaction.exec(find_unique, Params(job.user_id, job.unique_key));
  if (there.empty()) throw DatabaseError(Errc::unavailable, "a job with this key has just gone");  // between the two statements: ask again
  return there[0].text("id");
}

Result<std::string> JobQueue::enqueue(const NewJob& job) {
  return database_.run([&](Transaction& t) { return enqueue_in(t, job); }, {.user_id = job.user_id});
}

Result<JobRecord> JobQueue::find(const std::string& id, const std::string& user_id) {
  if (!is_uuid(id)) return no_such_job;
  auto rows = database_.run([&](Transaction& t) { return t.exec(find_job, Params(id, user_id)); }, {.user_id = user_id});
  if (!rows) return rows.error();
  if (rows->empty()) return no_such_job;
  return to_job((*rows)[0]);
}

Result<std::vector<JobRecord>> JobQueue::list(const std::string& status, const std::string& user_id, std::size_t limit) {
  auto rows = database_.run([&](Transaction& t) { return t.exec(list_jobs, Params(status, user_id, std::min(limit, list_max))); },
                            {.user_id = user_id});
  if (!rows) return rows.error();
  std::vector<JobRecord> jobs;
  for (const auto& row : *rows) jobs.push_back(to_job(row));
  return jobs;
}

Status JobQueue::cancel(const std::string& id, const std::string& user_id) {
  if (!is_uuid(id)) return no_such_job;
  auto known = database_.run(
      [&](Transaction& t) {
        if (t.exec(cancel_job, Params(id, user_id)).affected() > 0) return true;
        if (t.exec(find_job, Params(id, user_id)).empty()) throw DatabaseError(no_such_job.code, no_such_job.message);
        return false;
      },
      {.user_id = user_id});
  if (!known) return known.error();
  if (!*known) return Error{Errc::conflict, "the job is over already"};
  return {};
}

Status JobQueue::revive(const std::string& id) {
  if (!is_uuid(id)) return no_such_job;
  auto revived = database_.run([&](Transaction& t) { return t.exec(revive_job, Params(id)).affected() > 0; });
  if (!revived) return revived.error();
  if (!*revived) return Error{Errc::not_found, "there is no such dead letter"};
  return {};
}

}  // namespace repartee::persistence
