// CUDA's built-ins for a C++ compiler, so that the kernels can be tested on a machine without a GPU.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#define __global__
#define __device__
// Each thread of the host runs one block at a time.
#define __shared__ static thread_local

struct Index2 {
    unsigned x, y;
};

extern thread_local Index2 threadIdx, blockIdx, blockDim, gridDim;

// Suspends this thread until all threads of the block have reached the barrier.
void block_barrier();
#define __syncthreads() block_barrier()

static inline float __int_as_float(int bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

using std::min;
