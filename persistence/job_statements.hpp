// The SQL of a job's life, of which job_worker.cpp is the order. Each statement that ends an attempt names the worker and the attempt, so
// that one whose lease went to another changes nothing. Thread contract: constants.
#pragma once
#include "persistence/connection.hpp"

namespace repartee::persistence::job_statements {

inline constexpr const char* notify_channel = "repartee_jobs";

// $1 queue, $2 kinds (JSON), $3 worker, $4 lease in ms, $5 how many
inline constexpr Statement take{
    "jobs_take",
    "UPDATE jobs SET status = 'running', attempts = attempts + 1, locked_by = $3, locked_until = now() + $4 * interval '1 millisecond',"
    " started_at = now(), progress = 0"
    " WHERE id = ANY (ARRAY(SELECT id FROM jobs WHERE queue = $1 AND status = 'queued' AND run_at <= now()"
    "   AND kind IN (SELECT jsonb_array_elements_text($2::jsonb)) ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED))"
    " RETURNING id, user_id, queue, kind, payload, status, progress, attempts, attempts_max, cancel_asked, result, error, run_at,"
    " locked_until, finished_at, expires_at"};

// $1 [{id, attempts, progress}], $2 worker, $3 lease in ms
inline constexpr Statement keep{
    "jobs_keep",
    "UPDATE jobs SET locked_until = now() + $3 * interval '1 millisecond', progress = mine.progress"
    " FROM jsonb_to_recordset($1::jsonb) AS mine (id uuid, attempts integer, progress real)"
    " WHERE jobs.id = mine.id AND jobs.attempts = mine.attempts AND locked_by = $2 AND status = 'running' RETURNING jobs.id, cancel_asked"};

// What no worker holds any more. $1 hours a dead letter is kept, $2 hours a cancelled job is
inline constexpr Statement reclaim{
    "jobs_reclaim",
    "UPDATE jobs SET locked_by = '', locked_until = NULL, run_at = now(),"
    " status = CASE WHEN cancel_asked THEN 'cancelled' WHEN attempts >= attempts_max THEN 'dead' ELSE 'queued' END,"
    " error = 'its worker went away',"
    " finished_at = CASE WHEN cancel_asked OR attempts >= attempts_max THEN now() END,"
    " expires_at = CASE WHEN cancel_asked THEN now() + $2 * interval '1 hour' WHEN attempts >= attempts_max THEN now() + $1 * interval '1 "
    "hour' END"
    " WHERE id = ANY (ARRAY(SELECT id FROM jobs WHERE status = 'running' AND locked_until < now() LIMIT 1000 FOR UPDATE SKIP LOCKED))"};

#define REPARTEE_OF_THIS_ATTEMPT " WHERE id = $1 AND locked_by = $2 AND attempts = $3 AND status = 'running'"
// $4 result, $5 hours it is kept
inline constexpr Statement complete{
    "jobs_complete",
    "UPDATE jobs SET status = 'completed', progress = 1, result = $4::jsonb, error = '', locked_by = '', locked_until = NULL,"
    " finished_at = now(), expires_at = now() + $5 * interval '1 hour'" REPARTEE_OF_THIS_ATTEMPT};
// $4 hours
inline constexpr Statement end_cancelled{"jobs_end_cancelled",
                                         "UPDATE jobs SET status = 'cancelled', locked_by = '', locked_until = NULL, finished_at = now(),"
                                         " expires_at = now() + $4 * interval '1 hour'" REPARTEE_OF_THIS_ATTEMPT};
inline constexpr Statement release{"jobs_release",
                                   "UPDATE jobs SET status = 'queued', attempts = attempts - 1, locked_by = '', locked_until = NULL,"
                                   " run_at = now()" REPARTEE_OF_THIS_ATTEMPT};
// $4 error, $5 and $6 the shortest and the longest pause in ms
inline constexpr Statement retry{
    "jobs_retry",
    "UPDATE jobs SET status = 'queued', error = $4, locked_by = '', locked_until = NULL, run_at = now() + interval '1 millisecond'"
    " * least($6::double precision, $5::double precision * 2 ^ least(attempts - 1, 30)) * (0.75 + random() / 2)" REPARTEE_OF_THIS_ATTEMPT};
// $4 error, $5 hours it is kept
inline constexpr Statement bury{"jobs_bury",
                                "UPDATE jobs SET status = 'dead', error = $4, locked_by = '', locked_until = NULL, finished_at = now(),"
                                " expires_at = now() + $5 * interval '1 hour'" REPARTEE_OF_THIS_ATTEMPT};
#undef REPARTEE_OF_THIS_ATTEMPT

}  // namespace repartee::persistence::job_statements
