// CUDA's words for a C++ compiler, so that the kernels can be tested on a machine without a GPU.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#define __global__
#define __device__
// One block is at work at a time on each thread of the host.
#define __shared__ static thread_local

struct Place {
    unsigned x, y;
};

extern thread_local Place threadIdx, blockIdx, blockDim, gridDim;

// Lets the other threads of the block come here, too.
void wait_for_block();
#define __syncthreads() wait_for_block()

static inline float __int_as_float(int bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

using std::min;
