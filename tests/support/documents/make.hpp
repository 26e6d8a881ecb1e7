// Documents of every kind, good and hostile, made as tests need them; those that are too long to write down stand beside this as files.
// Thread contract: pure functions but for reading those files.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repartee::test {

std::string file_text(const std::string& path);         // empty when there is none
std::string support_document(const std::string& name);  // tests/support/documents/<name>

using ZipEntries = std::vector<std::pair<std::string, std::string>>;  // name and content
std::string make_zip(const ZipEntries& entries, bool compressed = true);

// A Word document whose body is this XML; with styles Heading1 and, as a German Word calls it, berschrift2.
std::string make_docx(std::string_view body_xml, const ZipEntries& further = {});
std::string docx_paragraph(std::string_view text, std::string_view style = {});

// A PDF of one font, each page a list of lines.
std::string make_pdf(const std::vector<std::vector<std::string>>& pages);

}  // namespace repartee::test
