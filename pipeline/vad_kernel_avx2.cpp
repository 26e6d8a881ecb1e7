#define VAD_RUN run_avx2
#define VAD_VECTOR_BYTES 32
#define VAD_VECTORS 1
#include "pipeline/vad_kernel_body.hpp"
