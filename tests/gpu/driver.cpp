// A minimal NVIDIA driver, cuBLAS and cuRAND on top of the emulated kernels. With it, `gtn` built with the feature `cuda` finds a GPU
// on a machine without one, and can train and sample on it, slowly. See `run.sh` for how to use it.
//
// Unlike a real driver, it checks that every copy and every matrix product stays within memory that was allocated and not yet freed.
// It fills newly allocated and freed memory with NaN.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

extern "C" bool gtn_emulated_launch(const char *name, const unsigned *blocks, const unsigned *threads, void **arguments, bool backwards);

namespace {

using Address = std::uint64_t;
using Handle = void *;

std::recursive_mutex lock;
std::map<Address, std::size_t> memory;

[[noreturn]] void refuse(const char *what, Address address, std::size_t size) {
    std::fprintf(stderr, "driver: %s of %zu bytes at %#llx is outside the allocated GPU memory\n", what, size, (unsigned long long)address);
    std::abort();
}

void check(const char *what, Address address, std::size_t size) {
    if (size == 0) return;
    auto after = memory.upper_bound(address);
    if (after == memory.begin()) refuse(what, address, size);
    auto [start, length] = *--after;
    if (address + size > start + length) refuse(what, address, size);
}

// The Candle kernels that training and sampling use.
template <class T>
T argument(void **arguments, int index) {
    T value;
    std::memcpy(&value, arguments[index], sizeof value);
    return value;
}

template <class T, class I>
void index_select(void **a) {
    auto count = argument<std::size_t>(a, 0), left = argument<std::size_t>(a, 6), rows = argument<std::size_t>(a, 7);
    auto ids_count = argument<std::size_t>(a, 8), right = argument<std::size_t>(a, 9);
    auto ids = argument<const I *>(a, 3);
    auto from = argument<const T *>(a, 4);
    auto to = argument<T *>(a, 5);
    (void)left;
    check("a selection", (Address)to, count * sizeof(T));
    for (std::size_t i = 0; i < count; i++) {
        std::size_t id = ids[i / right % ids_count];
        if (id >= rows) refuse("an index", (Address)from, id);
        to[i] = from[(i / (ids_count * right) * rows + id) * right + i % right];
    }
}

template <class Operation>
void binary(void **a, Operation operation) {
    auto count = argument<std::size_t>(a, 0);
    auto left = argument<const float *>(a, 3), right = argument<const float *>(a, 4);
    auto out = argument<float *>(a, 5);
    for (std::size_t i = 0; i < count; i++) out[i] = operation(left[i], right[i]);
}

bool launch_candle_kernel(const std::string &name, void **a) {
    if (name == "is_u32_f32") {
        index_select<float, std::uint32_t>(a);
    } else if (name == "is_u32_u8") {
        index_select<std::uint8_t, std::uint32_t>(a);
    } else if (name == "const_set_f32") {
        auto count = argument<std::size_t>(a, 0);
        auto out = argument<float *>(a, 4);
        check("a constant", (Address)out, 4 * count);
        for (std::size_t i = 0; i < count; i++) out[i] = argument<float>(a, 3);
    } else if (name == "badd_f32") {
        binary(a, [](float x, float y) { return x + y; });
    } else if (name == "bmul_f32") {
        binary(a, [](float x, float y) { return x * y; });
    } else if (name == "copy2d_f32") {
        auto from = argument<const float *>(a, 0);
        auto to = argument<float *>(a, 1);
        auto rows = argument<std::uint32_t>(a, 2), columns = argument<std::uint32_t>(a, 3);
        auto from_stride = argument<std::uint32_t>(a, 4), to_stride = argument<std::uint32_t>(a, 5);
        for (std::size_t i = 0; i < rows; i++) {
            for (std::size_t j = 0; j < columns; j++) to[i * to_stride + j] = from[i * from_stride + j];
        }
    } else if (name == "cast_u8_u32") {
        auto count = argument<std::size_t>(a, 0);
        auto from = argument<const std::uint8_t *>(a, 3);
        auto to = argument<std::uint32_t *>(a, 4);
        for (std::size_t i = 0; i < count; i++) to[i] = from[i];
    } else {
        return false;
    }
    return true;
}

int allocate(Address *address, std::size_t size) {
    std::lock_guard guard(lock);
    void *block = std::malloc(size);
    std::memset(block, 0xff, size);  // NaN in f32
    *address = (Address)block;
    memory[*address] = size;
    return 0;
}

int release(Address address) {
    std::lock_guard guard(lock);
    auto found = memory.find(address);
    if (found == memory.end()) refuse("freeing", address, 0);
    std::memset((void *)address, 0xff, found->second);
    memory.erase(found);
    std::free((void *)address);
    return 0;
}

int copy(Address to, Address from, std::size_t size, bool from_gpu, bool to_gpu) {
    std::lock_guard guard(lock);
    if (from_gpu) check("a copy", from, size);
    if (to_gpu) check("a copy", to, size);
    std::memmove((void *)to, (const void *)from, size);
    return 0;
}

}  // namespace

#define GPU extern "C" int

GPU cuInit(unsigned) { return std::getenv("GTN_NO_GPU") ? 100 : 0; }
GPU cuDeviceGetCount(int *count) { return *count = 1, 0; }
GPU cuDeviceGet(int *device, int ordinal) { return *device = ordinal, 0; }
GPU cuDeviceGetName(char *name, int length, int) { return std::snprintf(name, length, "Emulated GPU"), 0; }
GPU cuDeviceGetAttribute(int *value, int, int) { return *value = 1, 0; }
GPU cuDevicePrimaryCtxRetain(Handle *context, int) { return *context = (Handle)1, 0; }
GPU cuDevicePrimaryCtxRelease_v2(int) { return 0; }
GPU cuCtxDestroy_v2(Handle) { return 0; }
GPU cuCtxGetCurrent(Handle *context) { return *context = (Handle)1, 0; }
GPU cuCtxSetCurrent(Handle) { return 0; }
GPU cuCtxSynchronize() { return 0; }
GPU cuStreamCreate(Handle *stream, unsigned) { return *stream = (Handle)2, 0; }
GPU cuStreamDestroy_v2(Handle) { return 0; }
GPU cuStreamSynchronize(Handle) { return 0; }
GPU cuStreamWaitEvent(Handle, Handle, unsigned) { return 0; }
GPU cuStreamIsCapturing(Handle, int *status) { return *status = 0, 0; }
GPU cuEventCreate(Handle *event, unsigned) { return *event = (Handle)3, 0; }
GPU cuEventDestroy_v2(Handle) { return 0; }
GPU cuEventRecord(Handle, Handle) { return 0; }
GPU cuGetErrorString(int, const char **text) { return *text = "no CUDA-capable device is detected", 0; }
GPU cuMemAllocAsync(Address *address, std::size_t size, Handle) { return allocate(address, size); }
GPU cuMemAlloc_v2(Address *address, std::size_t size) { return allocate(address, size); }
GPU cuMemFreeAsync(Address address, Handle) { return release(address); }
GPU cuMemFree_v2(Address address) { return release(address); }
GPU cuMemcpyHtoDAsync_v2(Address to, const void *from, std::size_t size, Handle) { return copy(to, (Address)from, size, false, true); }
GPU cuMemcpyDtoHAsync_v2(void *to, Address from, std::size_t size, Handle) { return copy((Address)to, from, size, true, false); }
GPU cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t size, Handle) { return copy(to, from, size, true, true); }
GPU cuMemcpyPeerAsync(Address to, Handle, Address from, Handle, std::size_t size, Handle) { return copy(to, from, size, true, true); }

GPU cuMemsetD8Async(Address address, unsigned char value, std::size_t size, Handle) {
    std::lock_guard guard(lock);
    check("a fill", address, size);
    return std::memset((void *)address, value, size), 0;
}

GPU cuDeviceGetDefaultMemPool(Handle *pool, int) { return *pool = (Handle)7, 0; }
GPU cuMemPoolSetAttribute(Handle, int attribute, void *) { return attribute == 4 ? 0 : 1; }

GPU cuModuleLoad(Handle *module, const char *) { return *module = (Handle)4, 0; }
GPU cuModuleLoadData(Handle *module, const void *) { return *module = (Handle)4, 0; }
GPU cuModuleUnload(Handle) { return 0; }
GPU cuModuleGetFunction(Handle *function, Handle, const char *name) { return *function = strdup(name), 0; }

GPU cuLaunchKernel(Handle function, unsigned x, unsigned y, unsigned, unsigned columns, unsigned rows, unsigned, unsigned, Handle,
                   void **arguments, void **) {
    std::lock_guard guard(lock);
    static bool backwards = false;
    backwards = !backwards;
    std::string name = (const char *)function;
    unsigned blocks[2] = {x, y}, threads[2] = {columns, rows};
    if (gtn_emulated_launch(name.c_str(), blocks, threads, arguments, backwards) || launch_candle_kernel(name, arguments)) return 0;
    std::fprintf(stderr, "driver: unknown kernel %s; add it to launch_candle_kernel in tests/gpu/driver.cpp or to the emulated kernels\n", name.c_str());
    return 500;
}

GPU cublasLtCreate(Handle *) { return 0; }
GPU cublasCreate_v2(Handle *handle) { return *handle = (Handle)5, 0; }
GPU cublasDestroy_v2(Handle) { return 0; }
GPU cublasSetStream_v2(Handle, Handle) { return 0; }
GPU cublasDgemmStridedBatched() { return 15; }
GPU cublasGemmStridedBatchedEx() { return 15; }

// Matrices are column-major, as in cuBLAS.
GPU cublasGemmEx(Handle, int left_transposed, int right_transposed, int rows, int columns, int inner, const void *alpha, const void *left,
                 int, int left_stride, const void *right, int, int right_stride, const void *beta, void *into, int, int stride, int, int) {
    std::lock_guard guard(lock);
    auto extent = [](bool transposed, int rows, int columns, int stride) {
        return 4 * ((std::size_t)stride * ((transposed ? rows : columns) - 1) + (transposed ? columns : rows));
    };
    check("a factor", (Address)left, extent(left_transposed, rows, inner, left_stride));
    check("a factor", (Address)right, extent(right_transposed, inner, columns, right_stride));
    check("a product", (Address)into, extent(false, rows, columns, stride));
    if (left_stride < (left_transposed ? inner : rows) || right_stride < (right_transposed ? columns : inner) || stride < rows) return 7;
    auto a = (const float *)left, b = (const float *)right;
    auto c = (float *)into;
    float factor = *(const float *)alpha, kept = *(const float *)beta;
    for (long j = 0; j < columns; j++) {
        for (long i = 0; i < rows; i++) {
            float sum = 0.0f;
            for (long k = 0; k < inner; k++) {
                float x = left_transposed ? a[i * left_stride + k] : a[k * left_stride + i];
                float y = right_transposed ? b[k * right_stride + j] : b[j * right_stride + k];
                sum += x * y;
            }
            float *element = c + j * stride + i;
            *element = factor * sum + (kept == 0.0f ? 0.0f : kept * *element);
        }
    }
    return 0;
}

GPU curandCreateGenerator(Handle *generator, int) { return *generator = (Handle)6, 0; }
GPU curandDestroyGenerator(Handle) { return 0; }
GPU curandSetPseudoRandomGeneratorSeed(Handle, unsigned long long) { return 0; }
GPU curandSetStream(Handle, Handle) { return 0; }
