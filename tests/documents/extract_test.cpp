#include "pipeline/documents/extract.hpp"

#include <gtest/gtest.h>

#include "tests/support/documents/make.hpp"

namespace repartee::documents {
namespace {

using test::docx_paragraph;
using test::make_docx;
using test::make_pdf;

std::string text_of(DocumentType type, std::string_view bytes) {
  const auto text = extract(type, bytes);
  EXPECT_TRUE(text) << (text ? "" : text.error().message);
  return text ? text->text : "";
}
std::string markdown(std::string_view bytes) { return text_of(DocumentType::markdown, bytes); }
std::string html(std::string_view bytes) { return text_of(DocumentType::html, bytes); }
std::string docx(std::string_view body) { return text_of(DocumentType::docx, make_docx(body)); }

std::string refusal(DocumentType type, std::string_view bytes, const ExtractionLimits& limits = {}) {
  const auto text = extract(type, bytes, limits);
  EXPECT_FALSE(text);
  if (text) return "";
  EXPECT_TRUE(text.error().code == Errc::invalid_argument || text.error().code == Errc::data_corrupt) << to_string(text.error().code);
  return text.error().message;
}

// ---- plain text ----

TEST(ExtractText, KeepsParagraphsAndLines) {
  EXPECT_EQ(text_of(DocumentType::text, "One  line.\r\nAnother.\r\n\r\n\r\nNew."), "One line.\nAnother.\n\nNew.");
}
TEST(ExtractText, ReadsUtf16OfBothOrders) {
  EXPECT_EQ(text_of(DocumentType::text, std::string_view("\xFF\xFEG\0r\0\xFC\0\xDF\0e\0\x3D\xD8\x00\xDE!\0", 18)), "Grüße😀!");
  EXPECT_EQ(text_of(DocumentType::text, std::string_view("\xFE\xFF\0O\0K", 6)), "OK");
}
TEST(ExtractText, TakesWhatIsNotUtf8AsWindows1252) {
  EXPECT_EQ(text_of(DocumentType::text, "caf\xE9 costs 3 \x80 \x96 \x93quoted\x94"), "café costs 3 € – “quoted”");
}
TEST(ExtractText, DropsNulAndInvisibleMarks) {
  constexpr char odd[] = "One\0 NUL, a soft\xC2\xAD hyphen\xC2\xA0too, \xE2\x80\x8B and a bell\a.";
  EXPECT_EQ(text_of(DocumentType::text, std::string_view(odd, sizeof odd - 1)), "One NUL, a soft hyphen too, and a bell.");
}
TEST(ExtractText, RefusesBytesThatAreNoText) {
  EXPECT_NE(refusal(DocumentType::text, std::string(4000, '\x01')), "");
  EXPECT_NE(refusal(DocumentType::text, " \n\n - "), "");
}
TEST(ExtractText, RefusesWhatIsTooLong) {
  EXPECT_NE(refusal(DocumentType::text, "abcdefghijklmno pqrst", {.text_bytes_max = 10}).find("parts"), std::string::npos);
  EXPECT_NE(refusal(DocumentType::text, "abcdefghijklmno pqrst", {.bytes_in_max = 10}).find("larger"), std::string::npos);
}

// ---- Markdown ----

TEST(ExtractMarkdown, ShowsHeadingsParagraphsAndLists) {
  EXPECT_EQ(markdown("Museum\n======\n\nWelcome to the *new* **wing**,\nopen __daily__.\n\n## Tickets ##\n* Adult: `5` euro\n* [x] Child\n "
                     " goes on\n  1. Nested\n"),
            "# Museum\n\nWelcome to the new wing, open daily.\n\n## Tickets\n\n- Adult: 5 euro\n- Child goes on\n- Nested");
}
TEST(ExtractMarkdown, ShowsLinksAndPicturesByTheirWords) {
  EXPECT_EQ(
      markdown("See [the *map*](https://x.test/a_(b)) and ![a lion](lion.png), <https://y.test/>, [text][ref].\n\n[ref]: https://z.test\n"),
      "See the map and a lion, https://y.test/, text.");
}
TEST(ExtractMarkdown, TakesTheTitleFromTheFrontMatter) {
  const auto text = extract(DocumentType::markdown, "---\ntitle: \"The Guide\"\ntags: [a]\n---\nBody text.\n");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->title, "The Guide");
  EXPECT_EQ(text->text, "# The Guide\n\nBody text.");
}
TEST(ExtractMarkdown, MakesSentencesOfTables) {
  EXPECT_EQ(markdown("| Day | Opens |\n|-----|:-----:|\n| Monday | 9:00 |\n| Sunday | never \\| closed |\n"),
            "- Day: Monday; Opens: 9:00.\n- Day: Sunday; Opens: never | closed.");
}
TEST(ExtractMarkdown, KeepsCodeAndLeavesStarsAndUnderscoresThatAreNoMarks) {
  EXPECT_EQ(markdown("2 * 3 is snake_case \\*x\\*\n\n```sh\nmake *.o\n```\nEnd."), "2 * 3 is snake_case *x*\n\n    make *.o\n\nEnd.");
}
TEST(ExtractMarkdown, DropsCommentsAndTags) {
  EXPECT_EQ(markdown("<!-- not\nthis -->\nA <b>bold</b> word&amp;more &#8364;5.\n"), "A bold word&more €5.");
}
TEST(ExtractMarkdown, BearsNestingWithoutEnd) {
  EXPECT_FALSE(markdown(std::string(100'000, '[') + " deep").empty());
  EXPECT_FALSE(markdown(std::string(100'000, '>') + " deep").empty());
  EXPECT_FALSE(markdown(std::string(100'000, '*') + "deep" + std::string(100'000, '`')).empty());
}

// ---- web pages ----

TEST(ExtractHtml, ReadsHeadingsParagraphsListsAndTables) {
  EXPECT_EQ(
      html("<!doctype html><html><head><title>The Guide</title><style>p{}</style></head><body><nav><a>Home</a></nav><h1>Museum &amp; "
           "Park</h1>"
           "<p>Open<br>daily.<p>Free   entry.<ul><li>Lions<ul><li>Two cubs</ul><li>Bears</ul><script>alert(1)</script>"
           "<dl><dt>Phone<dd>555 1234</dl><table><tr><th>Day<th>Opens<tr><td>Monday<td>9:00</table><div hidden>secret</div></body></html>"),
      "# The Guide\n\n# Museum & Park\n\nOpen\ndaily.\n\nFree entry.\n\n- Lions\n- Two cubs\n- Bears\n- Phone: 555 1234\n- Day: Monday; "
      "Opens: 9:00.");
}
TEST(ExtractHtml, TakesATableForTheLooksAsParagraphs) {
  const std::string words = "A very long cell " + std::string(700, 'x') + ".";
  EXPECT_EQ(html("<table><tr><td>Left<td>" + words + "</table>"), "Left\n\n" + words);
}
TEST(ExtractHtml, KeepsTheLinesOfPreformattedText) { EXPECT_EQ(html("<p>Type:<pre>one\n  two</pre>"), "Type:\n\n    one\n      two"); }
TEST(ExtractHtml, RefusesElementsNestedWithoutEnd) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  EXPECT_NE(refusal(DocumentType::html, deep + "x").find("nested"), std::string::npos);
  std::string cells;
  for (int i = 0; i < 900; ++i) cells += "<table><tr><td>";
  EXPECT_EQ(html(cells + "deep"), "deep");
}

// ---- Word ----

TEST(ExtractDocx, ReadsHeadingsListsAndTables) {
  EXPECT_EQ(
      docx(docx_paragraph("Museum &amp; Park", "Heading1") + docx_paragraph("Open daily.") + docx_paragraph("Tickets", "berschrift2") +
           "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Adults</w:t></w:r><w:r><w:tab/><w:t>5 euro</w:t></w:r></w:p>"
           "<w:tbl><w:tr><w:tc>" +
           docx_paragraph("Day") + "</w:tc><w:tc>" + docx_paragraph("Opens") + "</w:tc></w:tr><w:tr><w:tc>" + docx_paragraph("Monday") +
           "</w:tc><w:tc>" + docx_paragraph("at 9") + "</w:tc></w:tr></w:tbl>"),
      "# Museum & Park\n\nOpen daily.\n\n## Tickets\n\n- Adults 5 euro\n- Day: Monday; Opens: at 9.");
}
TEST(ExtractDocx, LeavesOutWhatWasDeletedAndTakesWhatWasInserted) {
  EXPECT_EQ(docx("<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new text</w:t></w:r></w:ins></w:p>"),
            "new text");
}
TEST(ExtractDocx, TakesTitleAndFootnotes) {
  const auto text =
      extract(DocumentType::docx,
              make_docx(docx_paragraph("Body."), {{"docProps/core.xml", "<cp:c xmlns:dc='d'><dc:title>Plan</dc:title></cp:c>"},
                                                  {"word/footnotes.xml", "<w:footnotes>" + docx_paragraph("A note.") + "</w:footnotes>"}}));
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text, "# Plan\n\nBody.\n\nA note.");
}
TEST(ExtractDocx, RefusesADoctypeWithEntities) {
  const auto bomb =
      test::make_zip({{"word/document.xml", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><w:document><w:body>" +
                                                docx_paragraph("&c;") + "</w:body></w:document>"}});
  EXPECT_NE(refusal(DocumentType::docx, bomb).find("entities"), std::string::npos);
}
TEST(ExtractDocx, RefusesZipBombs) {
  EXPECT_NE(
      refusal(DocumentType::docx, make_docx(docx_paragraph("x"), {{"word/media/a.bin", std::string(40'000'000, '\0')}})).find("unpacks"),
      std::string::npos);
  test::ZipEntries many;
  for (int i = 0; i < 6000; ++i) many.push_back({"f" + std::to_string(i), ""});
  EXPECT_NE(refusal(DocumentType::docx, make_docx(docx_paragraph("x"), many)).find("unpacks"), std::string::npos);
  EXPECT_NE(
      refusal(DocumentType::docx, make_docx(docx_paragraph("x"), {{"a", "0123456789"}}), {.zip_total_bytes_max = 100}).find("unpacks"),
      std::string::npos);
}
TEST(ExtractDocx, RefusesNamesThatLeadOutOfTheArchive) {
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "word/../../x", "a\\b", "c:x"})
    EXPECT_NE(refusal(DocumentType::docx, make_docx(docx_paragraph("x"), {{name, "x"}})).find("lead out"), std::string::npos) << name;
}
TEST(ExtractDocx, RefusesOtherArchivesAndBrokenOnes) {
  const auto whole = make_docx(docx_paragraph("Whole."));
  EXPECT_NE(refusal(DocumentType::docx, test::make_zip({{"inner.zip", test::make_zip({{"inner.zip", whole}})}})).find("no Word"),
            std::string::npos);
  EXPECT_NE(refusal(DocumentType::docx, whole.substr(0, whole.size() / 2)), "");
  EXPECT_NE(refusal(DocumentType::docx, "PK\x03\x04"), "");
  EXPECT_NE(refusal(DocumentType::docx, make_docx("<w:p><w:r>")), "") << "not well-formed";
}
TEST(ExtractDocx, RefusesElementsNestedWithoutEnd) {
  std::string open, close;
  for (int i = 0; i < 100'000; ++i) {
    open += "<w:sdt>";
    close += "</w:sdt>";
  }
  EXPECT_NE(refusal(DocumentType::docx,
                    test::make_zip({{"word/document.xml", "<w:document><w:body>" + open + close + "</w:body></w:document>"}}, false))
                .find("nested"),
            std::string::npos);
}

// ---- PDF ----

TEST(ExtractPdf, JoinsLinesAndCutWordsAndDropsRunningHeads) {
  std::vector<std::vector<std::string>> pages;
  const char* animals[] = {"lions", "bears", "wolves", "otters"};
  for (int i = 0; i < 4; ++i)
    pages.push_back({"The Zoo Guide", "", std::string("Our ") + animals[i] + " live in the old part of the gar-",
                     "den, and are fed at noon.", "", "Page " + std::to_string(i + 1)});
  const auto text = extract(DocumentType::pdf, make_pdf(pages));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->pages, 4);
  EXPECT_EQ(text->text,
            "Our lions live in the old part of the garden, and are fed at noon.\n\nOur bears live in the old part of the garden, and are "
            "fed at noon.\n\n"
            "Our wolves live in the old part of the garden, and are fed at noon.\n\nOur otters live in the old part of the garden, and are "
            "fed at noon.");
}
TEST(ExtractPdf, GoesOnWithASentenceOverThePagesEnd) {
  EXPECT_EQ(text_of(DocumentType::pdf, make_pdf({{"The keeper of the lions has been"}, {"with us for twenty years."}})),
            "The keeper of the lions has been with us for twenty years.");
}
TEST(ExtractPdf, RefusesDamagedEncryptedAndEmptyOnes) {
  const auto whole = make_pdf({{"Whole."}});
  EXPECT_NE(refusal(DocumentType::pdf, "%PDF-1.4\n"), "");
  EXPECT_NE(refusal(DocumentType::pdf, whole.substr(0, 60)), "");
  EXPECT_NE(refusal(DocumentType::pdf, make_pdf({{""}})).find("no text"), std::string::npos);
  EXPECT_NE(refusal(DocumentType::pdf, make_pdf({{"a"}, {"b"}, {"c"}}), {.pages_max = 2}).find("pages"), std::string::npos);
  EXPECT_NE(refusal(DocumentType::pdf, test::support_document("encrypted.pdf")).find("password"), std::string::npos);
}
TEST(ExtractPdf, ReadsOneOfAnotherProgram) {
  const auto text = text_of(DocumentType::pdf, test::support_document("chromium.pdf"));
  EXPECT_NE(text.find("The harbour museum opens at nine in the morning"), std::string::npos) << text;
}

// ---- what is what ----

TEST(DetectType, WantsNameAndContentToAgree) {
  const auto type = [](std::string_view bytes, std::string_view name, std::string_view content_type = "") {
    return detect_type(bytes, name, content_type);
  };
  EXPECT_EQ(*type("Hello", "a.TXT"), DocumentType::text);
  EXPECT_EQ(*type("# Hello", "a.b.md"), DocumentType::markdown);
  EXPECT_EQ(*type("<p>Hello", "a.htm"), DocumentType::html);
  EXPECT_EQ(*type("%PDF-1.4", "a.pdf"), DocumentType::pdf);
  EXPECT_EQ(*type("PK\x03\x04", "a.docx"), DocumentType::docx);
  EXPECT_EQ(*type("Hello", "README", "text/plain; charset=utf-8"), DocumentType::text);
  EXPECT_EQ(*type("%PDF-1.4", "README"), DocumentType::pdf);
  EXPECT_EQ(*type("A text about the header %PDF- of PDFs", "a.txt"), DocumentType::text);
  const std::pair<std::string_view, std::string_view> refused[] = {{"", "a.txt"},
                                                                   {"Hello", "a.pdf"},
                                                                   {"Hello", "a.docx"},
                                                                   {"%PDF-1.4", "a.txt"},
                                                                   {"%PDF-1.4", "a.docx"},
                                                                   {"PK\x03\x04", "a.txt"},
                                                                   {"\x89PNG\r\n", "a.md"},
                                                                   {"Hello", "a.exe"},
                                                                   {"<!DOCTYPE html><p>", "a.txt"},
                                                                   {"Hello", "README"},
                                                                   {"\xD0\xCF\x11\xE0", "a.docx"},
                                                                   {"x", ".txt.exe"}};
  for (const auto& [bytes, name] : refused) {
    const auto found = type(bytes, name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Errc::invalid_argument);
    EXPECT_TRUE(found.error().message.ends_with('.')) << found.error().message;
  }
  EXPECT_EQ(*type("x", "a.txt"), DocumentType::text) << "one byte is a text";
}

}  // namespace
}  // namespace repartee::documents
