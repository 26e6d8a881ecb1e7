#include "api/blocking.hpp"

#include "core/log.hpp"

namespace repartee::api {

Blocking::Blocking(Options options, Metrics& metrics)
    : options_(options),
      refused_(metrics.counter("repartee_http_busy_total", "HTTP requests turned away because too many were waiting for the database")),
      pool_({.name = "http", .workers = options.workers, .queue_jobs_max = options.queue_jobs_max}) {}

void Blocking::submit(std::function<void()> job, std::function<void(Error)> turned_away) {
  const Error busy{Errc::unavailable, "the server is busy; try again shortly"};
  auto submitted = pool_.submit({.priority = Priority::background,
                                 .deadline = SteadyClock::now() + options_.wait_max,
                                 .is_cancelled = {},
                                 .run = std::move(job),
                                 .dropped = [this, turned_away, busy](Errc) {
                                   refused_.add();
                                   turned_away(busy);
                                 }});
  if (submitted) return;
  refused_.add();
  turned_away(busy);
}

void Blocking::answer(Call call, Work work) {
  auto asked = std::make_shared<Call>(std::move(call));
  submit(
      [asked, work = std::move(work)] {
        try {
          auto answer = work(*asked);
          asked->respond(answer ? std::move(*answer) : error_response(answer.error()));
        } catch (const std::exception& e) {  // a bug; the transport catches only what loops throw
          log::error("api", "a handler failed", {{"path", asked->request.path}, {"error", e.what()}});
          asked->respond(error_response({Errc::internal, "something went wrong here; it was logged"}));
        }
      },
      [asked](const Error& busy) { asked->respond(error_response(busy)); });
}

CallHandler Blocking::handler(Work work) {
  return [this, work = std::move(work)](Call call) { answer(std::move(call), work); };
}

}  // namespace repartee::api
