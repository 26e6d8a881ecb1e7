#define VAD_RUN run_plain
#define VAD_VECTOR_BYTES 16
#define VAD_VECTORS 1
#include "pipeline/vad_kernel_body.hpp"
