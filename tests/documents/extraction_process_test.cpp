// Extraction as the server does it: in a child. The child is tests/support/documents/child.cpp, which also misbehaves on demand.
#include "pipeline/documents/extraction_process.hpp"

#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pipeline/documents/extraction_answer.hpp"
#include "tests/support/documents/make.hpp"

namespace repartee::documents {
namespace {

using namespace std::chrono_literals;

ExtractionProcess process(Duration time_max = 20s, const char* program = REPARTEE_EXTRACTION_CHILD) {
  return ExtractionProcess({.program = program, .limits = {}, .time_max = time_max});
}

TEST(ExtractionProcess, ReadsWhatTheFunctionReads) {
  const auto docx = test::make_docx(test::docx_paragraph("The Guide", "Heading1") + test::docx_paragraph("Café."));
  const auto pdf = test::make_pdf({{"A PDF."}});
  const auto in_child = process().extract(DocumentType::docx, docx);
  ASSERT_TRUE(in_child) << in_child.error().message;
  EXPECT_EQ(in_child->text, extract(DocumentType::docx, docx)->text);
  EXPECT_EQ(in_child->title, "The Guide");
  const auto pages = process().extract(DocumentType::pdf, pdf);
  ASSERT_TRUE(pages) << pages.error().message;
  EXPECT_EQ(pages->pages, 1);
  EXPECT_EQ(process().extract(DocumentType::html, "<p>A page.")->text, "A page.");
  EXPECT_EQ(process().extract(DocumentType::text, "A text.")->text, "A text.");
}

TEST(ExtractionProcess, PassesRefusalsOn) {
  const auto refused = process().extract(DocumentType::pdf, test::support_document("encrypted.pdf"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_NE(refused.error().message.find("password"), std::string::npos);
  EXPECT_EQ(process().extract(DocumentType::pdf, "%PDF-1.4").error().code, Errc::data_corrupt);
}

TEST(ExtractionProcess, SurvivesAChildThatCrashes) {
  const auto crashed = process().extract(DocumentType::html, "<!-- test: crash -->");
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().code, Errc::data_corrupt);
  EXPECT_TRUE(process().extract(DocumentType::html, "<p>The next one.")) << "nothing is left of it";
}

TEST(ExtractionProcess, EndsAChildThatHangs) {
  for (const char* how : {"<!-- test: spin -->", "<!-- test: sleep -->"}) {
    const auto hung = process(1s).extract(DocumentType::html, how);
    ASSERT_FALSE(hung);
    EXPECT_EQ(hung.error().code, Errc::data_corrupt);
    EXPECT_NE(hung.error().message.find("too long"), std::string::npos);
  }
}

TEST(ExtractionProcess, EndsAChildThatTakesAllMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's process cannot be limited";
#endif
  const auto greedy = process().extract(DocumentType::html, "<!-- test: memory -->");
  ASSERT_FALSE(greedy);
  EXPECT_EQ(greedy.error().code, Errc::data_corrupt);
}

TEST(ExtractionProcess, MayDoNothingButReadItsDocument) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's process is in no sandbox";
#endif
  const auto answer = process().extract(DocumentType::html, "<!-- test: files -->");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->text.starts_with("descriptors 3, written 0, no child, no socket, "))
      << answer->text << ": three streams, and nothing else";
  if (syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0) {
    EXPECT_TRUE(answer->text.ends_with(", no file")) << "Landlock";
  }
}

TEST(ExtractionProcess, StopsWhenTold) {
  int asked = 0;
  const auto stopped = process().extract(DocumentType::html, "<!-- test: sleep -->", [&] { return ++asked > 2; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
}

TEST(ExtractionProcess, SaysThatThereIsNoProgram) {
  EXPECT_EQ(process(20s, "/nonexistent").extract(DocumentType::html, "<p>x").error().code, Errc::unavailable);
}

TEST(ExtractionAnswer, TrustsNothing) {
  for (const char* said : {"", "ok", "ok 1 5", "ok 1 99999999999999999999\nxx", "ok 1 5\nabc", "nonsense\nabc", "ok 0 0\n", "ok -1 -1\n"})
    EXPECT_FALSE(parse_answer(said)) << said;
  EXPECT_EQ(parse_answer("ok 3 2\nABbody \xFF.")->text, "body \xEF\xBF\xBD.");
}

}  // namespace
}  // namespace repartee::documents
