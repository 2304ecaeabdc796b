// The kernels on the host: the threads of a block take turns, each on a stack of its own, from one `__syncthreads` to the next.
//
// Whether they do so in their order or in the reverse is the caller's choice: a kernel that lacks a `__syncthreads` gives other
// numbers then. One in which some threads wait for others that have ended is refused.

// A jump from one stack to another is what the check of jumps refuses.
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

thread_local Place threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr std::size_t STACK = 32 << 10;

// A thread of a block. It goes on from one block to the next; after its start it is entered and left by jumps, which unlike
// `swapcontext` are no calls of the system.
struct Thread {
    std::vector<char> stack;
    jmp_buf place;
    bool done = false;
};

using Call = void (*)(void **);

thread_local jmp_buf block_place;
thread_local Thread *now;
thread_local Call body;
thread_local void **arguments;

// Leaves this thread until the block lets it go on.
void leave() {
    if (_setjmp(now->place) == 0) _longjmp(block_place, 1);
}

void run_thread() {
    for (;;) {
        body(arguments);
        now->done = true;
        leave();
    }
}

void enter(Thread &thread) {
    now = &thread;
    if (_setjmp(block_place) != 0) return;
    if (!thread.stack.empty()) _longjmp(thread.place, 1);
    thread.stack.resize(STACK);
    VALGRIND_STACK_REGISTER(thread.stack.data(), thread.stack.data() + STACK);
    ucontext_t start;
    getcontext(&start);
    start.uc_stack.ss_sp = thread.stack.data();
    start.uc_stack.ss_size = thread.stack.size();
    start.uc_link = nullptr;
    makecontext(&start, run_thread, 0);
    setcontext(&start);
}

// Lets every thread run to its next wait, or to its end; whether all have ended.
bool round(std::deque<Thread> &threads, unsigned count, bool backwards) {
    unsigned ended = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned index = backwards ? count - 1 - i : i;
        threadIdx = {index % blockDim.x, index / blockDim.x};
        enter(threads[index]);
        ended += threads[index].done;
    }
    if (ended != 0 && ended != count) {
        std::fprintf(stderr, "%u of %u threads ended while others waited for them\n", ended, count);
        std::abort();
    }
    return ended == count;
}

void run_block(std::deque<Thread> &threads, bool backwards) {
    unsigned count = blockDim.x * blockDim.y;
    if (threads.size() < count) threads.resize(count);
    for (unsigned i = 0; i < count; i++) threads[i].done = false;
    while (!round(threads, count, backwards)) {
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
    NAMED(norm_forward),  NAMED(norm_backward), NAMED(norm_evaluate),    NAMED(leaky_forward), NAMED(leaky_backward),
    NAMED(add_bias),      NAMED(column_sums),   NAMED(row_sums),         NAMED(take_patches),  NAMED(lay_patches),
    NAMED(bias_relu),     NAMED(keep_where),    NAMED(tanh_backward),    NAMED(swap_axes),     NAMED(squares),
    NAMED(mean_of_parts), NAMED(squares_backward), NAMED(adam),          NAMED(add_to),        NAMED(move_rows),
    NAMED(best_of_rows),
};

}  // namespace

void wait_for_block() { leave(); }

// Runs a kernel; false if there is none of that name.
extern "C" bool gtn_emulated_launch(const char *name, const unsigned *blocks, const unsigned *threads, void **with, bool backwards) {
    for (const Kernel &kernel : KERNELS) {
        if (std::strcmp(kernel.name, name) != 0) continue;
        static thread_local std::deque<Thread> pool;
        body = kernel.call;
        arguments = with;
        gridDim = {blocks[0], blocks[1]};
        blockDim = {threads[0], threads[1]};
        for (unsigned y = 0; y < gridDim.y; y++) {
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y};
                run_block(pool, backwards);
            }
        }
        return true;
    }
    return false;
}
