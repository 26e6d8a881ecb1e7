#define VAD_RUN run_avx512
#define VAD_VECTOR_BYTES 64
#define VAD_VECTORS 2
#include "pipeline/vad_kernel_body.hpp"
