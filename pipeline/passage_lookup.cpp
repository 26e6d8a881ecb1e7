#include "pipeline/passage_lookup.hpp"

#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/providers/sentence_index.hpp"
#include "pipeline/question.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

constexpr double same_share_min = 0.8;  // of the content words of both together
constexpr std::size_t ahead_terms_min = 2;

std::set<std::string> terms_of(std::string_view text) {
  const auto terms = content_terms(text.substr(0, utf8_cut(text, question_bytes_max)));
  return {terms.begin(), terms.end()};
}

}  // namespace

bool asks_the_same(const std::set<std::string>& terms, const std::set<std::string>& other_terms) {
  const auto common = static_cast<std::size_t>(
      std::count_if(terms.begin(), terms.end(), [&](const std::string& term) { return other_terms.contains(term); }));
  const std::size_t together = terms.size() + other_terms.size() - common;
  return together == 0 || static_cast<double>(common) >= same_share_min * static_cast<double>(together);
}

bool worth_looking(const std::set<std::string>& terms, const std::set<std::string>& looked_up) {
  if (terms.size() < ahead_terms_min) return false;
  return std::any_of(terms.begin(), terms.end(), [&](const std::string& term) { return !looked_up.contains(term); });
}

struct PassageLookup::Waiter {
  Done done;
  StreamPtr timer, posted;
  bool closed = false;
  void close() {
    closed = true;
    timer.reset();
    posted.reset();
  }
  void answer(PassagesFound found) {
    if (closed) return;
    const Done told = std::move(done);  // it may destroy this
    close();
    told(std::move(found));
  }
};

struct PassageLookup::Run {
  std::string question;
  std::set<std::string> terms;
  PassagesFound found;
  StreamPtr stream;
  std::vector<std::weak_ptr<Waiter>> waiters;
};

PassageLookup::PassageLookup(Loop& loop, Retriever* retriever, Options options, RetrievalRequest whose)
    : loop_(loop), retriever_(retriever), options_(options), whose_(std::move(whose)) {}

PassageLookup::~PassageLookup() = default;

bool PassageLookup::useful() const {
  return retriever_ && whose_.scope != "none" && retriever_->has_knowledge(whose_.user_id, whose_.echo_id);
}

void PassageLookup::look_ahead(const std::string& said_so_far) {
  if (ahead_runs_ >= options_.ahead_runs_max || (run_ && run_->stream) || !useful()) return;
  if (!worth_looking(terms_of(said_so_far), run_ ? run_->terms : std::set<std::string>{})) return;
  ++ahead_runs_;
  begin(said_so_far);
}

void PassageLookup::begin(std::string question) {
  run_ = std::make_shared<Run>();  // an earlier one that is still under way is given up
  run_->terms = terms_of(question);
  run_->question = question;
  run_->found.started = loop_.now();
  ++costs_.runs;
  RetrievalRequest request = whose_;
  request.question = std::move(question);
  request.deadline = loop_.now() + options_.timeout;
  run_->stream = retriever_->retrieve(loop_, std::move(request), [this, weak = std::weak_ptr(run_)](Result<Retrieval> result) {
    if (auto run = weak.lock()) take(*run, std::move(result));
  });
}

void PassageLookup::take(Run& run, Result<Retrieval> result) {
  run.stream.reset();
  run.found.ended = loop_.now();
  if (result) {
    run.found.passages = std::move(result->passages);
    run.found.from_cache = result->from_cache;
    costs_.cache_hits += result->from_cache;
    costs_.input_tokens += result->input_tokens;
    if (result->input_tokens > 0) costs_.embedder = result->embedder;
  } else {
    log::warn("knowledge", "a look-up failed: the reply goes on without",
              {{"code", to_string(result.error().code)}, {"why", result.error().message}});
  }
  const auto waiters = std::move(run.waiters);
  const PassagesFound found = run.found;  // a callback may end the run
  for (const auto& weak : waiters)
    if (auto waiter = weak.lock()) waiter->answer(found);
}

StreamPtr PassageLookup::find(std::string question, Done done) {
  const auto waiter = std::make_shared<Waiter>();
  waiter->done = std::move(done);
  const std::weak_ptr<Waiter> weak = waiter;
  const auto answer_soon = [&](PassagesFound found) {
    waiter->posted = loop_.after(Duration::zero(), [weak, found = std::move(found)]() mutable {
      if (auto kept = weak.lock()) kept->answer(std::move(found));
    });
  };
  const auto terms = terms_of(question);
  const bool known = run_ && (run_->question == question || (!terms.empty() && asks_the_same(terms, run_->terms)));
  if (terms.empty() || !useful()) {
    answer_soon({});
  } else if (known && run_->found.ended) {
    answer_soon(run_->found);
  } else {
    if (!known) begin(std::move(question));
    run_->waiters.push_back(waiter);
    waiter->timer = loop_.after(options_.patience, [weak, started = run_->found.started] {
      if (auto kept = weak.lock()) kept->answer({.started = started});
    });
  }
  return closing_handle(waiter);
}

LookupCosts PassageLookup::take_costs() {
  ahead_runs_ = 0;
  return std::exchange(costs_, {});
}

}  // namespace repartee::pipeline
