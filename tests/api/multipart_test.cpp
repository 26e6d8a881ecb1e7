#include "api/multipart.hpp"

#include <gtest/gtest.h>

namespace repartee::api {
namespace {

constexpr const char* type = "multipart/form-data; boundary=XX";

std::vector<FormPart> parts(std::string_view body, std::string_view content_type = type) {
  auto parsed = parse_multipart(content_type, body);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : std::vector<FormPart>{};
}
std::string refusal(std::string_view body, std::string_view content_type = type, const MultipartLimits& limits = {}) {
  const auto parsed = parse_multipart(content_type, body, limits);
  EXPECT_FALSE(parsed) << body;
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  return parsed.error().message;
}
// The file name of a part with this disposition.
std::string filename(const std::string& disposition) {
  static std::string body;
  body = "--XX\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\n\r\nx\r\n--XX--\r\n";
  const auto all = parts(body);
  return all.size() == 1 && all[0].filename ? *all[0].filename : "(none)";
}

TEST(Multipart, ReadsFieldsAndFiles) {
  const auto all = parts(
      "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"echo_id\"\r\n\r\n42\r\n--XX \t\r\ncontent-disposition: FORM-DATA; "
      "Name=file; "
      "filename=\"a b.txt\"\r\nContent-Type: text/plain; charset=utf-8\r\nX-Other: 1\r\n\r\nline\r\n--X\r\n\r\n--XX--\r\nepilogue");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "echo_id");
  EXPECT_FALSE(all[0].filename);
  EXPECT_EQ(all[0].content, "42");
  EXPECT_EQ(all[1].filename, "a b.txt");
  EXPECT_EQ(all[1].content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(all[1].content, "line\r\n--X\r\n") << "what only begins like a boundary is content";
  EXPECT_EQ(find_part(all, "file"), &all[1]);
  EXPECT_EQ(find_part(all, "other"), nullptr);
}

TEST(Multipart, ReadsNoPartsEmptyPartsAndBinaryContent) {
  EXPECT_TRUE(parts("--XX--").empty());
  EXPECT_EQ(parts("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--XX--").at(0).content, "");
  EXPECT_EQ(parts("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--").at(0).content, "") << "its blank line is the boundary's";
  const std::string binary("\0\r\n\xFF-\r\n-", 8);
  EXPECT_EQ(parts("--a'b:c\r\nContent-Disposition: form-data; name=a\r\n\r\n" + binary + "\r\n--a'b:c--",
                  "Multipart/Form-Data; Boundary=\"a'b:c\"")
                .at(0)
                .content,
            binary);
}

TEST(Multipart, ReadsFileNamesAsClientsWriteThem) {
  EXPECT_EQ(filename("filename=\"a%22b%0D%0Ac.txt\""), "a\"b\r\nc.txt") << "as browsers do";
  EXPECT_EQ(filename("filename=\"a\\\"b\\\\c.txt\""), "a\"b\\c.txt") << "as curl does";
  EXPECT_EQ(filename("filename=\"C:\\dir\\a.txt\""), "C:\\dir\\a.txt");
  EXPECT_EQ(filename("filename=plain.txt"), "plain.txt");
  EXPECT_EQ(filename("filename=\"old.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt"), "grüße.txt");
  EXPECT_EQ(filename("filename*=iso-8859-1'de'caf%E9.txt"), "café.txt");
  EXPECT_EQ(filename("filename=\"a.txt\"; filename*=utf-7''x"), "a.txt") << "an unknown charset";
  EXPECT_EQ(filename("filename=\"a;b=c.txt\""), "a;b=c.txt");
  EXPECT_EQ(filename("x=y"), "(none)");
}

TEST(Multipart, RefusesWhatIsMalformed) {
  for (const char* content_type :
       {"application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=XX",
        "multipart/form-data; boundary=\"a\nb\"", "multipart/form-data; boundary=\"XX", "",
        "multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890123"})
    refusal("--XX--", content_type);
  for (const char* body :
       {"", "XX", "--XX", "--XX\r\n", "--XXY\r\n\r\n--XX--", "--XX\r\n\r\nno disposition\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nnever ends",
        "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XX--", "--XX\r\n: x\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=a; b\r\n\r\nx\r\n--XX--"})
    refusal(body);
}

TEST(Multipart, BoundsPartsAndHeaders) {
  std::string many;
  for (int i = 0; i < 4; ++i) many += "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  EXPECT_NE(refusal(many + "--XX--", type, {.parts_max = 3}).find("more than 3"), std::string::npos);
  EXPECT_EQ(parts(many + "--XX--").size(), 4u);
  refusal("--XX\r\nContent-Disposition: form-data; name=a\r\nX: " + std::string(5000, 'x') + "\r\n\r\nx\r\n--XX--");
}

TEST(SafeFilename, LeavesNothingThatLeadsAnywhere) {
  const std::pair<std::string, std::string> names[] = {{"notes.txt", "notes.txt"},
                                                       {"../../etc/passwd", "passwd"},
                                                       {"C:\\Users\\me\\plan.docx", "plan.docx"},
                                                       {"/abs/a b.md", "a b.md"},
                                                       {"..", "document"},
                                                       {"", "document"},
                                                       {"dir/", "document"},
                                                       {"a\r\nSet-Cookie: x.txt", "aSet-Cookie x.txt"},
                                                       {"\"><script>.html", "script.html"},
                                                       {".htaccess", "htaccess"},
                                                       {"name. . ", "name"},
                                                       {"gr\xC3\xBC\xC3\x9F"
                                                        "e.txt",
                                                        "grüße.txt"},
                                                       {"caf\xE9.txt", "café.txt"},
                                                       {"a\xE2\x80\xAEtxt.exe", "atxt.exe"},
                                                       {"a\xE2\x80\x93z.txt", "a–z.txt"},
                                                       {std::string("nul\0byte.txt", 12), "nulbyte.txt"}};
  for (const auto& [said, safe] : names) EXPECT_EQ(safe_filename(said), safe);
  const auto cut = safe_filename(std::string(150, 'a') + std::string(100, '\xC3') + ".markdown");
  EXPECT_LE(cut.size(), 200u);
  EXPECT_TRUE(cut.ends_with(".markdown"));
  EXPECT_LE(safe_filename("." + std::string(1000, 'x')).size(), 200u);
}

}  // namespace
}  // namespace repartee::api
