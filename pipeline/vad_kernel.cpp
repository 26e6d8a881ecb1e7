#include "pipeline/vad_kernel.hpp"

namespace repartee::pipeline::vad_kernel {

Run best_for_this_processor() {
#ifdef REPARTEE_VAD_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return run_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return run_avx2;
#endif
  return run_plain;
}

const char* name_of(Run run) {
#ifdef REPARTEE_VAD_X86
  if (run == run_avx512) return "avx512";
  if (run == run_avx2) return "avx2";
#endif
  return run == run_plain ? "plain" : "unknown";
}

}  // namespace repartee::pipeline::vad_kernel
