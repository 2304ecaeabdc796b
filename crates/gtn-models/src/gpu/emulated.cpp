// Runs the kernels on the host: the threads of a block take turns, each on its own stack, from one `__syncthreads` to
// the next.
//
// The caller chooses whether the threads run in ascending or in descending order: a kernel that lacks a `__syncthreads`
// then gives different results. A kernel in which some threads wait at a barrier after others have ended is aborted.

// Its check of longjmp rejects jumps between stacks.
#undef _FORTIFY_SOURCE

#define GTN_EMULATED
#include "kernels.cu"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>
#include <vector>

#include <ucontext.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end)
#endif

thread_local Index2 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr std::size_t STACK_SIZE = 32 << 10;

// A thread of a block, reused from block to block. Only its start uses `setcontext`; afterwards jumps enter and leave
// it, which, unlike `swapcontext`, make no system calls.
struct Thread {
    std::vector<char> stack;
    jmp_buf resume;
    bool done = false;
};

using Call = void (*)(void **);

thread_local jmp_buf scheduler;
thread_local Thread *current;
thread_local Call body;
thread_local void **arguments;

// Suspends the current thread until the scheduler resumes it.
void suspend() {
    if (_setjmp(current->resume) == 0) _longjmp(scheduler, 1);
}

void run_thread() {
    for (;;) {
        body(arguments);
        current->done = true;
        suspend();
    }
}

// Starts or resumes a thread; returns when it suspends itself.
void resume(Thread &thread) {
    current = &thread;
    if (_setjmp(scheduler) != 0) return;
    if (!thread.stack.empty()) _longjmp(thread.resume, 1);
    thread.stack.resize(STACK_SIZE);
    VALGRIND_STACK_REGISTER(thread.stack.data(), thread.stack.data() + STACK_SIZE);
    ucontext_t start;
    getcontext(&start);
    start.uc_stack.ss_sp = thread.stack.data();
    start.uc_stack.ss_size = thread.stack.size();
    start.uc_link = nullptr;
    makecontext(&start, run_thread, 0);
    setcontext(&start);
}

// Runs every thread to its next barrier or to its end; true if all have ended.
bool run_to_barrier(std::deque<Thread> &threads, unsigned count, bool reversed) {
    unsigned ended = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned index = reversed ? count - 1 - i : i;
        threadIdx = {index % blockDim.x, index / blockDim.x};
        resume(threads[index]);
        ended += threads[index].done;
    }
    if (ended != 0 && ended != count) {
        std::fprintf(stderr, "emulated GPU: %u of %u threads ended while the others waited at __syncthreads\n", ended, count);
        std::abort();
    }
    return ended == count;
}

void run_block(std::deque<Thread> &threads, bool reversed) {
    unsigned count = blockDim.x * blockDim.y;
    if (threads.size() < count) threads.resize(count);
    for (unsigned i = 0; i < count; i++) threads[i].done = false;
    while (!run_to_barrier(threads, count, reversed)) {
    }
}

template <class... A, std::size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A *>(arguments[I])...);
}

template <class... A>
void call(void (*kernel)(A...), void **arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>{});
}

struct Kernel {
    const char *name;
    Call call;
};

#define NAMED(kernel) {#kernel, [](void **arguments) { call(kernel, arguments); }}

const Kernel KERNELS[] = {
    NAMED(batch_norm_forward),
    NAMED(batch_norm_backward),
    NAMED(batch_norm_inference),
    NAMED(layer_norm_forward),
    NAMED(layer_norm_backward),
    NAMED(layer_norm_parameter_gradients),
    NAMED(silu_forward),
    NAMED(silu_backward),
    NAMED(add_columns),
    NAMED(extend_rows),
    NAMED(leaky_relu_forward),
    NAMED(leaky_relu_backward),
    NAMED(add_bias),
    NAMED(column_sums),
    NAMED(row_sums),
    NAMED(im2col),
    NAMED(col2im),
    NAMED(bias_relu),
    NAMED(relu_backward),
    NAMED(tanh_backward),
    NAMED(swap_axes),
    NAMED(mse_partial_sums),
    NAMED(mse_reduce),
    NAMED(mse_backward),
    NAMED(adam),
    NAMED(move_towards),
    NAMED(add_assign),
    NAMED(move_rows),
    NAMED(top_k_rows),
};

}  // namespace

void block_barrier() { suspend(); }

// Runs a kernel; returns false if there is no kernel of that name.
extern "C" bool gtn_emulated_launch(const char *name, const unsigned *grid, const unsigned *block, void **kernel_arguments,
                                    bool reversed) {
    for (const Kernel &kernel : KERNELS) {
        if (std::strcmp(kernel.name, name) != 0) continue;
        static thread_local std::deque<Thread> pool;
        body = kernel.call;
        arguments = kernel_arguments;
        gridDim = {grid[0], grid[1]};
        blockDim = {block[0], block[1]};
        for (unsigned y = 0; y < gridDim.y; y++) {
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y};
                run_block(pool, reversed);
            }
        }
        return true;
    }
    return false;
}
