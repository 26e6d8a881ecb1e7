#include "api/static_files.hpp"

#include <filesystem>
#include <fstream>

#include "api/embedded_files.hpp"
#include "tests/api/fixture.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;

class StaticFiles : public ApiTest {
 protected:
  StaticFiles() {
    char name[] = "/tmp/repartee-web-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    root = name;
    fs::create_directories(root / "web/js");
    fs::create_directories(root / "web-secret");
    write("web/index.html", "<p>disk</p>");
    write("web/monitor.html", "<p>monitor</p>");
    write("web/js/main.js", "run()");
    write("web/.hidden.js", "secret");
    write("web/package.json", "{}");
    write("web/notes.md", "secret");
    write("web-secret/secret.js", "secret");
    fs::create_symlink(root / "web-secret/secret.js", root / "web/link.js");
    fs::create_directory_symlink(root / "web-secret", root / "web/out");
  }
  ~StaticFiles() override { fs::remove_all(root); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(root / name) << text; }
  void serve_from_disk() {
    api::add_static_files(router, std::make_shared<api::StaticFiles>(api::StaticFiles::Options{(root / "web").string()}));
  }
  void serve_built_in() { api::add_static_files(router, std::make_shared<api::StaticFiles>(api::StaticFiles::Options{})); }
  fs::path root;
};

TEST_F(StaticFiles, ServesTheBuiltInPage) {
  serve_built_in();
  const auto page = ask("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("</html>"), std::string::npos);
  ASSERT_FALSE(api::embedded_web().empty());
  for (const auto& file : api::embedded_web()) {
    const auto response = ask("GET", "/" + std::string(file.path));
    EXPECT_EQ(response.status, 200) << file.path;
    EXPECT_EQ(response.body, file.bytes) << file.path;
  }
}

TEST_F(StaticFiles, SendsTheSecurityHeaders) {
  serve_built_in();
  const auto headers = ask("GET", "/").headers;
  EXPECT_EQ(headers.at("Content-Security-Policy").find("default-src 'self'; connect-src 'self' ws: wss:"), 0u);
  EXPECT_EQ(headers.at("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(headers.at("Referrer-Policy"), "no-referrer");
}

TEST_F(StaticFiles, SendsNothingThatTheBrowserHas) {
  serve_from_disk();
  const std::string etag = ask("GET", "/").headers.at("ETag");
  const auto again = ask("GET", "/", {{"if-none-match", "\"other\", " + etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  write("web/index.html", "<p>changed</p>");
  EXPECT_EQ(ask("GET", "/", {{"if-none-match", etag}}).body, "<p>changed</p>");
}

TEST_F(StaticFiles, ServesADirectoryForDevelopment) {
  serve_from_disk();
  EXPECT_EQ(ask("GET", "/").body, "<p>disk</p>");
  EXPECT_EQ(ask("GET", "/monitor").body, "<p>monitor</p>");
  const auto script = ask("GET", "/js/main.js");
  EXPECT_EQ(script.body, "run()");
  EXPECT_EQ(script.headers.at("Content-Type"), "text/javascript; charset=utf-8");
}

TEST_F(StaticFiles, LeavesTheDirectoryByNoPath) {
  serve_from_disk();
  for (const char* path : {"/../web-secret/secret.js", "/js/../../web-secret/secret.js", "/link.js", "/out/secret.js", "/.hidden.js",
                           "/js/../.hidden.js", "/package.json", "/notes.md", "/js", "/js/", "//etc/hosts.txt", "/missing.js"}) {
    const auto response = ask("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << path;
  }
  EXPECT_EQ(ask("GET", "/" + (root / "web-secret/secret.js").string()).status, 404);
}

TEST_F(StaticFiles, FallsBackToTheBuiltInPageWhenTheDirectoryIsMissing) {
  api::add_static_files(router, std::make_shared<api::StaticFiles>(api::StaticFiles::Options{"/nowhere"}));
  EXPECT_EQ(ask("GET", "/").status, 200);
}

}  // namespace
}  // namespace repartee::test
