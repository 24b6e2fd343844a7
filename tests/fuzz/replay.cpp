#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz/entry.hpp"

/// Runs a target over the files and folders given, without libFuzzer: the seeds as ordinary tests,
/// and a way to repeat a finding with any compiler or debugger.
namespace {

int runs = 0;

void run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.string().c_str());
    std::exit(1);
  }
  // Written before the run, so that the last line names the input that ended it.
  std::printf("%s\n", path.filename().string().c_str());
  std::fflush(stdout);
  const corsac::fuzz::ExactBytes exact(bytes);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(exact.view().data()), bytes.size());
  ++runs;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      run_file(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) run_file(entry.path());
  }
  std::printf("%d inputs, nothing found\n", runs);
  return runs == 0 ? 1 : 0;  // An empty corpus is a mistake in the build, not a success.
}
