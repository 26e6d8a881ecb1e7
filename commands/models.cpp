// The models: config/models.sh fetches them; one of them is then prepared for running.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iostream>

#include "commands/commands.hpp"
#include "pipeline/kokoro_model.hpp"

namespace repartee::commands {

namespace {

// Runs the script with this process's input and output, and its environment with the models directory in force.
int run_script(const std::string& script, const ModelsOptions& options, const std::string& models_dir) {
  std::vector<std::string> arguments = {script, options.action};
  arguments.insert(arguments.end(), options.names.begin(), options.names.end());
  std::vector<std::string> variables = {"REPARTEE_MODELS_DIR=" + models_dir};
  for (char** entry = environ; *entry; ++entry) {
    if (!std::string_view(*entry).starts_with("REPARTEE_MODELS_DIR=")) variables.emplace_back(*entry);
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  pid_t child = 0;
  const int failure = ::posix_spawn(&child, script.c_str(), nullptr, nullptr, pointers(arguments).data(), pointers(variables).data());
  if (failure != 0) {
    std::cerr << "cannot run " << script << ": " << std::strerror(failure) << "\n";
    return exit_failure;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? exit_ok : exit_failure;
}

int prepare(const std::filesystem::path& models_dir) {
  const std::filesystem::path fetched = models_dir / "kokoro" / "kokoro-quantized.onnx";
  std::error_code ignored;
  if (!std::filesystem::exists(fetched, ignored)) return exit_ok;
  std::cout << "preparing the Kokoro voice ... " << std::flush;
  const Status done = pipeline::prepare_kokoro(fetched, models_dir / "kokoro" / "kokoro-prepared.onnx");
  std::cout << (done ? "ok" : "failed") << std::endl;
  if (!done) std::cerr << done.error().message << "\n";
  return done ? exit_ok : exit_failure;
}

}  // namespace

int models(const config::Settings& settings, const ModelsOptions& options) {
  const std::string script = REPARTEE_SOURCE_DIR "/config/models.sh";
  std::error_code ignored;
  if (!std::filesystem::exists(script, ignored)) {
    std::cerr << script << " is not there: the checkout this program was built from was moved; start it with ./run once\n";
    return exit_failure;
  }
  const int code = run_script(script, options, settings.models.dir);
  return code == exit_ok && options.action == "fetch" ? prepare(settings.models.dir) : code;
}

}  // namespace repartee::commands
