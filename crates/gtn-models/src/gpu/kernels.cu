// What runs on the GPU beside products of matrices.
//
// nvcc compiles this to PTX; for tests a C++ compiler compiles it for the host (`emulated.cpp`). No sum depends on chance:
// every thread adds its numbers in their order, and the threads' sums are joined in a fixed tree.
//
// Matrices are row-major, rows are samples. Images within the autoencoder have their channels outermost, (channel, image, y, x),
// so that each convolution is one product for the whole batch.

#ifdef GTN_EMULATED
#include "emulated.h"
#endif

#define KERNEL extern "C" __global__ void

// Columns of a block that works on columns, and its threads to each.
#define TILE 32
#define LANES 16
// Threads of a block that works on a row, or on numbers.
#define THREADS 256
// Rows of a block that writes whole columns without summing them.
#define STRETCH 128
// What a thread remembers of the scores that it has seen.
#define DEPTH 4

// BatchNorm's eps and momentum.
#define EPS 1e-5
#define MOMENTUM 0.1f

#define LOWEST (-__int_as_float(0x7f800000))

// This thread's first number of all, and how many lie between two of its own.
#define FIRST ((long long)blockIdx.x * blockDim.x + threadIdx.x)
#define STEP ((long long)gridDim.x * blockDim.x)

// The same where blockIdx.x is a row, and several blocks share its numbers, of which there are fewer than 2^31.
#define ROW blockIdx.x
#define FIRST_IN_ROW (blockIdx.y * blockDim.x + threadIdx.x)
#define STEP_IN_ROW (gridDim.y * blockDim.x)

// LeakyReLU with its slope at 0; a slope of 0 is ReLU.
static __device__ float leaky(float x, float slope) { return x > 0.0f ? x : slope * x; }

// 0 for x <= 0, else x: NaN stays NaN.
static __device__ float relu(float x) { return x <= 0.0f ? 0.0f : x; }

static __device__ float inverse_of(float variance) { return (float)(1.0 / sqrt((double)variance + EPS)); }

static __device__ void put(float *place, float value, int add) { *place = add ? *place + value : value; }

// The sum over the threads of a column; each of them gets it.
static __device__ float over_lanes(float value) {
    __shared__ float parts[LANES][TILE];
    parts[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = LANES / 2; half > 0; half /= 2) {
        if (threadIdx.y < half) parts[threadIdx.y][threadIdx.x] += parts[threadIdx.y + half][threadIdx.x];
        __syncthreads();
    }
    float sum = parts[0][threadIdx.x];
    __syncthreads();
    return sum;
}

// The sum over the threads of a block; each of them gets it.
static __device__ double over_block(double value) {
    __shared__ double parts[THREADS];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    double sum = parts[0];
    __syncthreads();
    return sum;
}

// Adds the bias to a, takes the statistics of LeakyReLU of it, writes that, normalized, to y, and moves the running statistics.
// `statistics` gets the mean and 1/sqrt(variance + eps) of each column.
KERNEL norm_forward(int n, int width, float slope, float *a, const float *bias, const float *gamma, const float *beta, float *y,
                    float *statistics, float *running_mean, float *running_variance) {
    int column = blockIdx.x * TILE + threadIdx.x;
    bool mine = column < width;
    float sum = 0.0f;
    if (mine) {
        float b = bias[column];
        for (int row = threadIdx.y; row < n; row += LANES) {
            float *at = a + (long long)row * width + column;
            *at += b;
            sum += leaky(*at, slope);
        }
    }
    float mean = over_lanes(sum) / n;
    float squares = 0.0f;
    if (mine) {
        for (int row = threadIdx.y; row < n; row += LANES) {
            float apart = leaky(a[(long long)row * width + column], slope) - mean;
            squares += apart * apart;
        }
    }
    float variance = over_lanes(squares) / n;
    if (!mine) return;
    float inverse = inverse_of(variance);
    float scale = gamma[column] * inverse;
    float shift = beta[column] - mean * scale;
    for (int row = threadIdx.y; row < n; row += LANES) {
        long long at = (long long)row * width + column;
        y[at] = leaky(a[at], slope) * scale + shift;
    }
    if (threadIdx.y == 0) {
        statistics[column] = mean;
        statistics[width + column] = inverse;
        float unbiased = (float)n / (float)(n - 1) * variance;
        running_mean[column] = (1.0f - MOMENTUM) * running_mean[column] + MOMENTUM * mean;
        running_variance[column] = (1.0f - MOMENTUM) * running_variance[column] + MOMENTUM * unbiased;
    }
}

// Turns d, the gradient of y above, into that of a, and finds those of gamma, beta and the bias.
KERNEL norm_backward(int n, int width, float slope, float *d, const float *a, const float *gamma, const float *statistics,
                     float *gamma_gradient, int add_gamma, float *beta_gradient, int add_beta, float *bias_gradient,
                     int add_bias) {
    int column = blockIdx.x * TILE + threadIdx.x;
    bool mine = column < width;
    float mean = mine ? statistics[column] : 0.0f;
    float inverse = mine ? statistics[width + column] : 0.0f;
    float sum = 0.0f, product = 0.0f;
    if (mine) {
        for (int row = threadIdx.y; row < n; row += LANES) {
            long long at = (long long)row * width + column;
            sum += d[at];
            product += d[at] * ((leaky(a[at], slope) - mean) * inverse);
        }
    }
    sum = over_lanes(sum);
    product = over_lanes(product);
    float bias = 0.0f;
    if (mine) {
        float scale = gamma[column] * inverse;
        float share = 1.0f / n;
        for (int row = threadIdx.y; row < n; row += LANES) {
            long long at = (long long)row * width + column;
            float normalized = (leaky(a[at], slope) - mean) * inverse;
            float of_norm = scale * (d[at] - share * (sum + normalized * product));
            float of_a = a[at] > 0.0f ? of_norm : slope * of_norm;
            d[at] = of_a;
            bias += of_a;
        }
    }
    bias = over_lanes(bias);
    if (mine && threadIdx.y == 0) {
        put(gamma_gradient + column, product, add_gamma);
        put(beta_gradient + column, sum, add_beta);
        put(bias_gradient + column, bias, add_bias);
    }
}

// The same layer with its running statistics, in place.
KERNEL norm_evaluate(int n, int width, float slope, float *a, const float *bias, const float *gamma, const float *beta,
                     const float *running_mean, const float *running_variance) {
    int column = blockIdx.x * TILE + threadIdx.x;
    if (column >= width) return;
    float scale = gamma[column] * inverse_of(running_variance[column]);
    float shift = beta[column] - running_mean[column] * scale;
    float b = bias[column];
    int end = min(n, (int)(blockIdx.y + 1) * STRETCH);
    for (int row = blockIdx.y * STRETCH + threadIdx.y; row < end; row += LANES) {
        float *at = a + (long long)row * width + column;
        *at = leaky(*at + b, slope) * scale + shift;
    }
}

// Adds the bias to a, and writes LeakyReLU of it to y, which may be a.
KERNEL leaky_forward(int n, int width, float slope, float *a, const float *bias, float *y) {
    for (long long i = FIRST; i < (long long)n * width; i += STEP) {
        float value = a[i] + bias[i % width];
        a[i] = value;
        y[i] = leaky(value, slope);
    }
}

// Turns d, the gradient of y above, into that of a, and finds that of the bias.
KERNEL leaky_backward(int n, int width, float slope, float *d, const float *a, float *bias_gradient, int add) {
    int column = blockIdx.x * TILE + threadIdx.x;
    bool mine = column < width;
    float sum = 0.0f;
    if (mine) {
        for (int row = threadIdx.y; row < n; row += LANES) {
            long long at = (long long)row * width + column;
            float of_a = a[at] > 0.0f ? d[at] : slope * d[at];
            d[at] = of_a;
            sum += of_a;
        }
    }
    sum = over_lanes(sum);
    if (mine && threadIdx.y == 0) put(bias_gradient + column, sum, add);
}

KERNEL add_bias(int n, int width, float *y, const float *bias) {
    for (long long i = FIRST; i < (long long)n * width; i += STEP) y[i] += bias[i % width];
}

// The sums of the columns of d.
KERNEL column_sums(int n, int width, const float *d, float *sums, int add) {
    int column = blockIdx.x * TILE + threadIdx.x;
    bool mine = column < width;
    float sum = 0.0f;
    if (mine) {
        for (int row = threadIdx.y; row < n; row += LANES) sum += d[(long long)row * width + column];
    }
    sum = over_lanes(sum);
    if (mine && threadIdx.y == 0) put(sums + column, sum, add);
}

// The sums of stretches of the rows of d, a block to each: row after row in `sums`, and in each stretch after stretch.
KERNEL row_sums(int length, int stretch, const float *d, float *sums, int add) {
    const float *row = d + (long long)ROW * length;
    unsigned end = min((unsigned)length, (blockIdx.y + 1) * stretch);
    float sum = 0.0f;
    for (unsigned i = blockIdx.y * stretch + threadIdx.x; i < end; i += THREADS) sum += row[i];
    double total = over_block(sum);
    if (threadIdx.x == 0) put(sums + (long long)ROW * gridDim.y + blockIdx.y, (float)total, add);
}

// A convolution of kernel 4, stride 2 and padding 1 joins a fine grid, of side 2s, to a coarse one, of side s. The patch of each
// coarse pixel is a column of `patches`: (channel, ky, kx) by (image, y, x). In the fine image a channel and an image are
// `of_channel` and `of_image` numbers long.
KERNEL take_patches(int n, int side, const float *fine, long long of_channel, long long of_image, float *patches) {
    unsigned pixels = side * side, columns = n * pixels, edge = 2 * side;
    unsigned k = ROW % 16;
    const float *channel = fine + ROW / 16 * of_channel;
    float *row = patches + (long long)ROW * columns;
    for (unsigned column = FIRST_IN_ROW; column < columns; column += STEP_IN_ROW) {
        unsigned image = column / pixels, pixel = column % pixels;
        // Above or left of the image these wrap around, and are beyond its other edge as well.
        unsigned y = 2 * (pixel / side) + k / 4 - 1, x = 2 * (pixel % side) + k % 4 - 1;
        row[column] = y < edge && x < edge ? channel[image * of_image + y * edge + x] : 0.0f;
    }
}

// What is done with a number of the fine image, when patches have been laid on each other.
#define AS_IT_IS 0
#define RELU 1
#define TANH 2
#define WHERE_KEPT 3

// Adds the patches up where they lie in the fine image. Then `then`: a bias for each channel and ReLU or tanh, or 0 where `other`,
// which has the layout of the fine image, is not above 0.
KERNEL lay_patches(int n, int side, const float *patches, int then, const float *other, float *fine, long long of_channel,
                   long long of_image) {
    unsigned pixels = side * side, edge = 2 * side, plane = edge * edge;
    long long columns = (long long)n * pixels;
    for (unsigned i = FIRST_IN_ROW; i < n * plane; i += STEP_IN_ROW) {
        unsigned image = i / plane, y = i % plane / edge, x = i % edge;
        float sum = 0.0f;
        for (unsigned ky = (y + 1) % 2; ky < 4; ky += 2) {
            // Wraps around where there is no such row.
            unsigned row = (y + 1 - ky) / 2;
            if (y + 1 < ky || row >= (unsigned)side) continue;
            for (unsigned kx = (x + 1) % 2; kx < 4; kx += 2) {
                unsigned column = (x + 1 - kx) / 2;
                if (x + 1 < kx || column >= (unsigned)side) continue;
                sum += patches[((long long)ROW * 16 + ky * 4 + kx) * columns + image * pixels + row * side + column];
            }
        }
        long long at = ROW * of_channel + image * of_image + y * edge + x;
        if (then == RELU) sum = relu(sum + other[ROW]);
        if (then == TANH) sum = tanhf(sum + other[ROW]);
        if (then == WHERE_KEPT && other[at] <= 0.0f) sum = 0.0f;
        fine[at] = sum;
    }
}

// Adds a bias to each row and applies ReLU, in place.
KERNEL bias_relu(int length, float *x, const float *bias) {
    float *row = x + (long long)ROW * length;
    for (unsigned i = FIRST_IN_ROW; i < (unsigned)length; i += STEP_IN_ROW) row[i] = relu(row[i] + bias[ROW]);
}

// d is 0 where y is not above 0.
KERNEL keep_where(long long length, float *d, const float *y) {
    for (long long i = FIRST; i < length; i += STEP) {
        if (y[i] <= 0.0f) d[i] = 0.0f;
    }
}

KERNEL tanh_backward(long long length, const float *dy, const float *y, float *d) {
    for (long long i = FIRST; i < length; i += STEP) d[i] = dy[i] * (1.0f - y[i] * y[i]);
}

// (first, second, inner) to (second, first, inner).
KERNEL swap_axes(int first, int second, int inner, const float *from, float *to) {
    unsigned length = second * inner;
    const float *row = from + (long long)ROW * length;
    for (unsigned i = FIRST_IN_ROW; i < length; i += STEP_IN_ROW) {
        to[((long long)(i / inner) * first + ROW) * inner + i % inner] = row[i];
    }
}

// A part of the sum of squared differences for each block.
KERNEL squares(long long length, const float *output, const float *target, float *parts) {
    double sum = 0.0;
    for (long long i = FIRST; i < length; i += STEP) {
        float apart = output[i] - target[i];
        sum += apart * apart;
    }
    sum = over_block(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = (float)sum;
}

// Their sum over `length`, by one block.
KERNEL mean_of_parts(int count, long long length, const float *parts, float *mean) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < count; i += THREADS) sum += parts[i];
    sum = over_block(sum);
    if (threadIdx.x == 0) *mean = (float)(sum / length);
}

// The gradient of the output from that of the mean.
KERNEL squares_backward(long long length, const float *output, const float *target, const float *gradient, float *d) {
    float factor = 2.0f * *gradient / length;
    for (long long i = FIRST; i < length; i += STEP) d[i] = factor * (output[i] - target[i]);
}

// A step of Adam on all weights of a network. A block has a row of the table: where its weights, their gradients and both
// moments lie, and how many they are.
KERNEL adam(const long long *table, float beta1, float beta2, float rest1, float rest2, float size, float root, float eps,
            float l2) {
    const long long *row = table + 5 * blockIdx.x;
    float *weights = (float *)row[0], *first = (float *)row[2], *second = (float *)row[3];
    const float *gradients = (const float *)row[1];
    for (int i = threadIdx.x; i < row[4]; i += THREADS) {
        float weight = weights[i];
        float gradient = gradients[i] + l2 * weight;
        float one = beta1 * first[i] + rest1 * gradient;
        float two = beta2 * second[i] + rest2 * (gradient * gradient);
        first[i] = one;
        second[i] = two;
        weights[i] = weight - size * (one / (sqrtf(two) * root + eps));
    }
}

KERNEL add_to(long long length, float *to, const float *from) {
    for (long long i = FIRST; i < length; i += STEP) to[i] += from[i];
}

// Moves rows of a matrix, each from `moves[2k + 1]` to `moves[2k]`. No row is both.
KERNEL move_rows(int count, int width, const unsigned *moves, float *rows) {
    for (long long i = FIRST; i < (long long)count * width; i += STEP) {
        long long k = i / width, column = i % width;
        rows[(long long)moves[2 * k] * width + column] = rows[(long long)moves[2 * k + 1] * width + column];
    }
}

// The `keep` best numbers of each row of `scores`, a block to each, with their places, best first; what there is none of has
// the score -inf. `bounds` gets the best of those that are left out.
KERNEL best_of_rows(int columns, int keep, const float *scores, float *best, unsigned *places, float *bounds) {
    const float *row = scores + (long long)blockIdx.x * columns;
    // This thread's best so far, best first, and the best of those that it has forgotten.
    float own[DEPTH];
    unsigned at[DEPTH];
    float forgotten = LOWEST;
    for (int k = 0; k < DEPTH; k++) {
        own[k] = LOWEST;
        at[k] = 0xffffffffu;
    }
    for (int i = threadIdx.x; i < columns; i += THREADS) {
        float score = row[i];
        unsigned place = i;
        for (int k = 0; k < DEPTH; k++) {
            // Equal scores stay in the order of their places.
            if (score > own[k]) {
                float other = own[k];
                unsigned where = at[k];
                own[k] = score;
                at[k] = place;
                score = other;
                place = where;
            }
        }
        forgotten = fmaxf(forgotten, score);
    }
    __shared__ float heads[THREADS];
    __shared__ unsigned heads_at[THREADS], threads[THREADS];
    for (int k = 0; k < keep; k++) {
        heads[threadIdx.x] = own[0];
        heads_at[threadIdx.x] = at[0];
        threads[threadIdx.x] = threadIdx.x;
        __syncthreads();
        for (unsigned half = THREADS / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) {
                float here = heads[threadIdx.x], there = heads[threadIdx.x + half];
                if (there > here || (there == here && heads_at[threadIdx.x + half] < heads_at[threadIdx.x])) {
                    heads[threadIdx.x] = there;
                    heads_at[threadIdx.x] = heads_at[threadIdx.x + half];
                    threads[threadIdx.x] = threads[threadIdx.x + half];
                }
            }
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            best[(long long)blockIdx.x * keep + k] = heads[0];
            places[(long long)blockIdx.x * keep + k] = heads_at[0];
        }
        bool taken = threads[0] == threadIdx.x;
        __syncthreads();
        if (taken) {
            for (int j = 0; j + 1 < DEPTH; j++) {
                own[j] = own[j + 1];
                at[j] = at[j + 1];
            }
            own[DEPTH - 1] = LOWEST;
            at[DEPTH - 1] = 0xffffffffu;
        }
    }
    heads[threadIdx.x] = fmaxf(forgotten, own[0]);
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) heads[threadIdx.x] = fmaxf(heads[threadIdx.x], heads[threadIdx.x + half]);
        __syncthreads();
    }
    if (threadIdx.x == 0) bounds[blockIdx.x] = heads[0];
}
