// bench_knowledge: the labelled set of tests/answers (documents, questions, what a right answer holds) through the whole retrieval, on a
// private cluster: recall at 5, answers, wrong answers; by words alone, by vectors alone, by both. See bench/README.md.
//   bench_knowledge [--show [SPLIT]]   also what became of every question of a half (dev)
//   bench_knowledge --sweep            settings of the ranking, tried on dev
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/log.hpp"
#include "tests/answers/answer_lab.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace {

using namespace repartee;
using test::AnswerFigures;
using test::AnswerLab;

void print(const char* mode, const char* split, const AnswerFigures& f) {
  std::printf("%-8s %-9s %10d %10.1f %10.1f %10.1f %12.1f %10.1f\n", mode, split, f.answerable + f.unanswerable, 100 * f.recall_at_5(),
              100 * f.answer_rate(), 100.0 * f.answered_wrong / std::max(f.answerable, 1), 100 * f.silence_kept(), 100 * f.wrong_rate());
}

void show(const AnswerLab::Outcome& outcome, const char* only_split) {
  const auto& q = *outcome.question;
  if (q.split != only_split) return;
  const bool good = q.answerable() ? outcome.right : !outcome.answered;
  std::printf("%s %s | %s | %s%s\n    %s\n",
              good             ? "ok "
              : q.answerable() ? (outcome.answered ? "BAD" : "---")
                               : "BAD",
              q.kind.c_str(), q.question.c_str(), outcome.found ? "" : "(not found) ", q.document.c_str(), outcome.answer.c_str());
  for (const auto& passage : outcome.passages) std::printf("      %.3f %s#%d\n", passage.score, passage.filename.c_str(), passage.ordinal);
}

// Right answers less wrong ones on dev, for many settings; the best, with what they give on the half that was held out.
void sweep(AnswerLab& lab) {
  struct Tried {
    pipeline::RankingOptions ranking;
    AnswerFigures dev, held_out;
  };
  std::vector<Tried> all;
  for (const double coverage : {0.4, 0.5, 0.6})
    for (const double around : {0.4, 0.6})
      for (const double floor : {0.1, 0.2})
        for (const double least : {0.36, 0.4, 0.44, 0.48, 0.52}) {
          pipeline::HybridRetriever::Options options;
          options.embedding_patience = std::chrono::seconds(10);
          options.ranking.coverage_weight = coverage;
          options.ranking.cosine_weight = 1 - coverage;
          options.ranking.around_weight = around;
          options.ranking.cosine_floor = floor;
          options.ranking.relevant_min = least;
          auto figures = lab.run(options);
          all.push_back({options.ranking, figures["dev"], figures["held out"]});
        }
  const auto worth = [](const AnswerFigures& f) { return f.answered_right - f.answered_wrong - f.wrongly_answered; };
  std::stable_sort(all.begin(), all.end(), [&](const Tried& a, const Tried& b) { return worth(a.dev) > worth(b.dev); });
  std::printf("coverage around floor least | dev: right wrong invented | held out: right wrong invented\n");
  for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 25); ++i) {
    const auto& t = all[i];
    std::printf("%.2f %.2f %.2f %.2f | %d %d %d | %d %d %d\n", t.ranking.coverage_weight, t.ranking.around_weight, t.ranking.cosine_floor,
                t.ranking.relevant_min, t.dev.answered_right, t.dev.answered_wrong, t.dev.wrongly_answered, t.held_out.answered_right,
                t.held_out.answered_wrong, t.held_out.wrongly_answered);
  }
}

void report(AnswerLab& lab, const char* shown_split) {
  std::printf("%zu documents, %zu passages, %zu questions; percent\n", lab.documents(), lab.chunks(), lab.questions().size());
  std::printf("%-8s %-9s %10s %10s %10s %10s %12s %10s\n", "search", "split", "questions", "recall@5", "answered", "wrongly",
              "says unknown", "wrong all");
  for (const char* mode : {"words", "vectors", "both"}) {
    pipeline::HybridRetriever::Options options;
    options.use_words = std::strcmp(mode, "vectors") != 0;
    options.use_vectors = std::strcmp(mode, "words") != 0;
    options.embedding_patience = std::chrono::seconds(10);
    auto ungated = options;  // recall is of the search; what is relevant enough is judged after it
    ungated.ranking.relevant_min = ungated.ranking.words_only_min = ungated.ranking.relevant_share_min = 0;
    auto recall = lab.run(ungated);
    std::vector<AnswerLab::Outcome> outcomes;
    auto figures = lab.run(options, &outcomes);
    AnswerFigures all;
    for (auto& [split, figure] : figures) {
      figure.found = recall[split].found;
      print(mode, split.c_str(), figure);
      all.add(figure);
    }
    print(mode, "all", all);
    if (shown_split && std::strcmp(mode, "both") == 0)
      for (const auto& outcome : outcomes) show(outcome, shown_split);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool sweeps = argc > 1 && std::strcmp(argv[1], "--sweep") == 0, shows = argc > 1 && std::strcmp(argv[1], "--show") == 0;
  {
    AnswerLab lab;
    if (sweeps) sweep(lab);
    else report(lab, shows ? argc > 2 ? argv[2] : "dev" : nullptr);
  }
  persistence::test::SharedCluster::get().stop();
  return 0;
}
