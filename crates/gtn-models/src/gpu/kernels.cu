// Everything that runs on the GPU except matrix products.
//
// nvcc compiles this file to PTX; for tests a C++ compiler compiles it for the host (`emulated.cpp`). All sums are
// deterministic: each thread adds its values in a fixed order, and a fixed tree combines the sums of the threads.
//
// Matrices are row-major, and rows are samples. Inside the autoencoder, images have their channels outermost,
// (channel, image, y, x), so that each convolution is one product for the entire batch.

#ifdef GTN_EMULATED
#include "emulated.h"
#endif

#define KERNEL extern "C" __global__ void

// Kernels that work on columns: columns per block, and threads per column.
#define COLUMNS_PER_BLOCK 32
#define THREADS_PER_COLUMN 16
// Threads per block of the other kernels.
#define THREADS_PER_BLOCK 256
// Rows per block of the kernel that transforms columns without summing them.
#define ROWS_PER_BLOCK 128
// How many of the best scores each thread of the top-k kernel keeps.
#define TOP_PER_THREAD 4

// BatchNorm's eps and momentum.
#define EPS 1e-5
#define MOMENTUM 0.1f

#define NEG_INFINITY (-__int_as_float(0x7f800000))

// Grid-stride loop over all values: the index of this thread in the grid, and the number of threads in the grid.
#define GRID_THREAD ((long long)blockIdx.x * blockDim.x + threadIdx.x)
#define GRID_STRIDE ((long long)gridDim.x * blockDim.x)

// The same over the values of row blockIdx.x, which the blocks along y share. A row has fewer than 2^31 values.
#define ROW blockIdx.x
#define ROW_THREAD (blockIdx.y * blockDim.x + threadIdx.x)
#define ROW_STRIDE (gridDim.y * blockDim.x)

// LeakyReLU, whose derivative at 0 is the negative slope; with a negative slope of 0 it is ReLU.
static __device__ float leaky_relu(float x, float negative_slope) { return x > 0.0f ? x : negative_slope * x; }

// 0 for x <= 0, otherwise x; NaN stays NaN.
static __device__ float relu(float x) { return x <= 0.0f ? 0.0f : x; }

static __device__ float inverse_std_of(float variance) { return (float)(1.0 / sqrt((double)variance + EPS)); }

static __device__ void store(float *target, float value, int accumulate) { *target = accumulate ? *target + value : value; }

// The sum over the threads of a column; all of them receive it.
static __device__ float column_sum(float value) {
    __shared__ float partials[THREADS_PER_COLUMN][COLUMNS_PER_BLOCK];
    partials[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = THREADS_PER_COLUMN / 2; half > 0; half /= 2) {
        if (threadIdx.y < half) partials[threadIdx.y][threadIdx.x] += partials[threadIdx.y + half][threadIdx.x];
        __syncthreads();
    }
    float sum = partials[0][threadIdx.x];
    __syncthreads();
    return sum;
}

// The sum over the threads of a block; all of them receive it.
static __device__ double block_sum(double value) {
    __shared__ double partials[THREADS_PER_BLOCK];
    partials[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = THREADS_PER_BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) partials[threadIdx.x] += partials[threadIdx.x + half];
        __syncthreads();
    }
    double sum = partials[0];
    __syncthreads();
    return sum;
}

// Adds the bias to a, applies LeakyReLU and BatchNorm with the statistics of the batch, writes the result to y, and
// updates the running statistics. `statistics` receives the mean and 1/sqrt(variance + eps) of each column.
KERNEL batch_norm_forward(int n, int width, float negative_slope, float *a, const float *bias, const float *gamma,
                          const float *beta, float *y, float *statistics, float *running_mean, float *running_variance) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float sum = 0.0f;
    if (in_range) {
        float b = bias[column];
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            float *element = a + (long long)row * width + column;
            *element += b;
            sum += leaky_relu(*element, negative_slope);
        }
    }
    float mean = column_sum(sum) / n;
    float squares = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            float deviation = leaky_relu(a[(long long)row * width + column], negative_slope) - mean;
            squares += deviation * deviation;
        }
    }
    float variance = column_sum(squares) / n;
    if (!in_range) return;
    float inverse_std = inverse_std_of(variance);
    float scale = gamma[column] * inverse_std;
    float shift = beta[column] - mean * scale;
    for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
        long long i = (long long)row * width + column;
        y[i] = leaky_relu(a[i], negative_slope) * scale + shift;
    }
    if (threadIdx.y == 0) {
        statistics[column] = mean;
        statistics[width + column] = inverse_std;
        float unbiased = (float)n / (float)(n - 1) * variance;
        running_mean[column] = (1.0f - MOMENTUM) * running_mean[column] + MOMENTUM * mean;
        running_variance[column] = (1.0f - MOMENTUM) * running_variance[column] + MOMENTUM * unbiased;
    }
}

// Backward pass of `batch_norm_forward`: replaces d, the gradient of y, with the gradient of a, and computes the
// gradients of gamma, beta and the bias.
KERNEL batch_norm_backward(int n, int width, float negative_slope, float *d, const float *a, const float *gamma,
                           const float *statistics, float *d_gamma, int accumulate_gamma, float *d_beta, int accumulate_beta,
                           float *d_bias, int accumulate_bias) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float mean = in_range ? statistics[column] : 0.0f;
    float inverse_std = in_range ? statistics[width + column] : 0.0f;
    float sum = 0.0f, dot = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            long long i = (long long)row * width + column;
            sum += d[i];
            dot += d[i] * ((leaky_relu(a[i], negative_slope) - mean) * inverse_std);
        }
    }
    sum = column_sum(sum);
    dot = column_sum(dot);
    float bias_sum = 0.0f;
    if (in_range) {
        float scale = gamma[column] * inverse_std;
        float inverse_n = 1.0f / n;
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            long long i = (long long)row * width + column;
            float normalized = (leaky_relu(a[i], negative_slope) - mean) * inverse_std;
            float d_activation = scale * (d[i] - inverse_n * (sum + normalized * dot));
            float d_a = a[i] > 0.0f ? d_activation : negative_slope * d_activation;
            d[i] = d_a;
            bias_sum += d_a;
        }
    }
    bias_sum = column_sum(bias_sum);
    if (in_range && threadIdx.y == 0) {
        store(d_gamma + column, dot, accumulate_gamma);
        store(d_beta + column, sum, accumulate_beta);
        store(d_bias + column, bias_sum, accumulate_bias);
    }
}

// The same layer as `batch_norm_forward` in evaluation mode: normalizes by the running statistics, in place.
KERNEL batch_norm_inference(int n, int width, float negative_slope, float *a, const float *bias, const float *gamma,
                            const float *beta, const float *running_mean, const float *running_variance) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    if (column >= width) return;
    float scale = gamma[column] * inverse_std_of(running_variance[column]);
    float shift = beta[column] - running_mean[column] * scale;
    float b = bias[column];
    int end = min(n, (int)(blockIdx.y + 1) * ROWS_PER_BLOCK);
    for (int row = blockIdx.y * ROWS_PER_BLOCK + threadIdx.y; row < end; row += THREADS_PER_COLUMN) {
        float *element = a + (long long)row * width + column;
        *element = leaky_relu(*element + b, negative_slope) * scale + shift;
    }
}

// Adds the bias and, if there are any, the addends to each row of h, and writes LayerNorm of the result to a, each row
// followed by `appended` columns of x. `statistics` receives the mean and 1/sqrt(variance + eps) of each row. One block per
// row.
KERNEL layer_norm_forward(int width, int appended, float *h, int has_addends, const float *addends, const float *bias,
                          const float *gamma, const float *beta, const float *x, int x_width, int x_start, float *a,
                          float *statistics) {
    float *row = h + (long long)ROW * width;
    const float *addend = addends + (long long)ROW * width;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS_PER_BLOCK) {
        float value = row[i] + bias[i];
        if (has_addends) value += addend[i];
        row[i] = value;
        sum += value;
    }
    float mean = (float)(block_sum(sum) / width);
    float squares = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS_PER_BLOCK) {
        float deviation = row[i] - mean;
        squares += deviation * deviation;
    }
    float inverse_std = inverse_std_of((float)(block_sum(squares) / width));
    float *out = a + (long long)ROW * (width + appended);
    for (int i = threadIdx.x; i < width; i += THREADS_PER_BLOCK) out[i] = (row[i] - mean) * inverse_std * gamma[i] + beta[i];
    const float *condition = x + (long long)ROW * x_width + x_start;
    for (int i = threadIdx.x; i < appended; i += THREADS_PER_BLOCK) out[width + i] = condition[i];
    if (threadIdx.x == 0) {
        statistics[2 * ROW] = mean;
        statistics[2 * ROW + 1] = inverse_std;
    }
}

// Backward pass of `layer_norm_forward`: writes or adds the gradient of h to d. `d_normalized` is the gradient of a, whose
// rows have `stride` values. One block per row.
KERNEL layer_norm_backward(int width, const float *h, const float *d_normalized, int stride, const float *statistics,
                           const float *gamma, float *d, int accumulate) {
    const float *row = h + (long long)ROW * width, *d_a = d_normalized + (long long)ROW * stride;
    float mean = statistics[2 * ROW], inverse_std = statistics[2 * ROW + 1];
    float sum = 0.0f, dot = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS_PER_BLOCK) {
        float scaled = d_a[i] * gamma[i];
        sum += scaled;
        dot += scaled * ((row[i] - mean) * inverse_std);
    }
    float shift = (float)(block_sum(sum) / width);
    float slope = (float)(block_sum(dot) / width);
    float *d_row = d + (long long)ROW * width;
    for (int i = threadIdx.x; i < width; i += THREADS_PER_BLOCK) {
        float normalized = (row[i] - mean) * inverse_std;
        store(d_row + i, inverse_std * (d_a[i] * gamma[i] - shift - normalized * slope), accumulate);
    }
}

// The gradients of gamma and beta of `layer_norm_forward`, and that of the bias: the sums of the columns of d.
KERNEL layer_norm_parameter_gradients(int n, int width, const float *h, const float *d_normalized, int stride,
                                      const float *statistics, const float *d, float *d_gamma, int accumulate_gamma,
                                      float *d_beta, int accumulate_beta, float *d_bias, int accumulate_bias) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float dot = 0.0f, sum = 0.0f, bias_sum = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            float d_a = d_normalized[(long long)row * stride + column];
            long long i = (long long)row * width + column;
            dot += d_a * ((h[i] - statistics[2 * row]) * statistics[2 * row + 1]);
            sum += d_a;
            bias_sum += d[i];
        }
    }
    dot = column_sum(dot);
    sum = column_sum(sum);
    bias_sum = column_sum(bias_sum);
    if (in_range && threadIdx.y == 0) {
        store(d_gamma + column, dot, accumulate_gamma);
        store(d_beta + column, sum, accumulate_beta);
        store(d_bias + column, bias_sum, accumulate_bias);
    }
}

// Adds the bias to x, replaces it by the derivative of SiLU, and writes SiLU to y, which may be x.
KERNEL silu_forward(int n, int width, float *x, const float *bias, float *y) {
    for (long long i = GRID_THREAD; i < (long long)n * width; i += GRID_STRIDE) {
        float value = x[i] + bias[i % width];
        float exponential = expf(-fabsf(value));
        float inverse = 1.0f / (1.0f + exponential);
        // The logistic function of the value and of its negative, neither as a difference.
        float of_value = value < 0.0f ? exponential * inverse : inverse;
        float of_negative = value < 0.0f ? inverse : exponential * inverse;
        x[i] = of_value * (1.0f + value * of_negative);
        y[i] = value * of_value;
    }
}

// Backward pass of `silu_forward`: multiplies d, the gradient of y, by the derivatives, and computes the gradient of the
// bias.
KERNEL silu_backward(int n, int width, float *d, const float *derivatives, float *d_bias, int accumulate) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float sum = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            long long i = (long long)row * width + column;
            float d_x = d[i] * derivatives[i];
            d[i] = d_x;
            sum += d_x;
        }
    }
    sum = column_sum(sum);
    if (in_range && threadIdx.y == 0) store(d_bias + column, sum, accumulate);
}

// Adds `columns` columns of one matrix to columns of another one.
KERNEL add_columns(int n, int columns, const float *from, int from_width, int from_start, float *to, int to_width,
                   int to_start) {
    for (long long i = GRID_THREAD; i < (long long)n * columns; i += GRID_STRIDE) {
        long long row = i / columns, column = i % columns;
        to[row * to_width + to_start + column] += from[row * from_width + from_start + column];
    }
}

// Writes the rows of `columns` values to the first columns of `to`, and 0 to all others.
KERNEL extend_rows(int n, int width, int columns, const float *from, float *to) {
    for (long long i = GRID_THREAD; i < (long long)n * width; i += GRID_STRIDE) {
        long long row = i / width, column = i % width;
        to[i] = column < columns ? from[row * columns + column] : 0.0f;
    }
}

// Adds the bias to a and writes LeakyReLU of the result to y, which may be a.
KERNEL leaky_relu_forward(int n, int width, float negative_slope, float *a, const float *bias, float *y) {
    for (long long i = GRID_THREAD; i < (long long)n * width; i += GRID_STRIDE) {
        float value = a[i] + bias[i % width];
        a[i] = value;
        y[i] = leaky_relu(value, negative_slope);
    }
}

// Backward pass of `leaky_relu_forward`: replaces d, the gradient of y, with the gradient of a, and computes the
// gradient of the bias.
KERNEL leaky_relu_backward(int n, int width, float negative_slope, float *d, const float *a, float *d_bias, int accumulate) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float sum = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) {
            long long i = (long long)row * width + column;
            float d_a = a[i] > 0.0f ? d[i] : negative_slope * d[i];
            d[i] = d_a;
            sum += d_a;
        }
    }
    sum = column_sum(sum);
    if (in_range && threadIdx.y == 0) store(d_bias + column, sum, accumulate);
}

KERNEL add_bias(int n, int width, float *y, const float *bias) {
    for (long long i = GRID_THREAD; i < (long long)n * width; i += GRID_STRIDE) y[i] += bias[i % width];
}

// The sums of the columns of d.
KERNEL column_sums(int n, int width, const float *d, float *sums, int accumulate) {
    int column = blockIdx.x * COLUMNS_PER_BLOCK + threadIdx.x;
    bool in_range = column < width;
    float sum = 0.0f;
    if (in_range) {
        for (int row = threadIdx.y; row < n; row += THREADS_PER_COLUMN) sum += d[(long long)row * width + column];
    }
    sum = column_sum(sum);
    if (in_range && threadIdx.y == 0) store(sums + column, sum, accumulate);
}

// The sums of chunks of the rows of d, one block per chunk. `sums` is a row-major matrix: (row, chunk).
KERNEL row_sums(int length, int chunk, const float *d, float *sums, int accumulate) {
    const float *row = d + (long long)ROW * length;
    unsigned end = min((unsigned)length, (blockIdx.y + 1) * chunk);
    float sum = 0.0f;
    for (unsigned i = blockIdx.y * chunk + threadIdx.x; i < end; i += THREADS_PER_BLOCK) sum += row[i];
    double total = block_sum(sum);
    if (threadIdx.x == 0) store(sums + (long long)ROW * gridDim.y + blockIdx.y, (float)total, accumulate);
}

// A convolution with kernel size 4, stride 2 and padding 1 maps fine images of 2s x 2s pixels to coarse images of s x s
// pixels, where s is `size`. im2col writes the patch of each coarse pixel to a column of `patches`, whose rows are
// (channel, ky, kx) and whose columns are (image, y, x). The strides are those of the fine images.
KERNEL im2col(int n, int size, const float *fine, long long channel_stride, long long image_stride, float *patches) {
    unsigned pixels = size * size, columns = n * pixels, fine_size = 2 * size;
    unsigned k = ROW % 16;
    const float *channel = fine + ROW / 16 * channel_stride;
    float *row = patches + (long long)ROW * columns;
    for (unsigned column = ROW_THREAD; column < columns; column += ROW_STRIDE) {
        unsigned image = column / pixels, pixel = column % pixels;
        // A coordinate of -1 wraps around, so the comparison below finds it out of bounds.
        unsigned y = 2 * (pixel / size) + k / 4 - 1, x = 2 * (pixel % size) + k % 4 - 1;
        row[column] = y < fine_size && x < fine_size ? channel[image * image_stride + y * fine_size + x] : 0.0f;
    }
}

// What col2im applies to each sum before it stores it.
#define EPILOGUE_IDENTITY 0
#define EPILOGUE_BIAS_RELU 1
#define EPILOGUE_BIAS_TANH 2
#define EPILOGUE_RELU_BACKWARD 3

// The adjoint of im2col: each pixel of the fine images is the sum of its entries in all patches. Then comes the
// epilogue: nothing, a bias per channel and ReLU or tanh, or 0 where `operand`, which has the layout of the fine
// images, is not above 0.
KERNEL col2im(int n, int size, const float *patches, int epilogue, const float *operand, float *fine, long long channel_stride,
              long long image_stride) {
    unsigned pixels = size * size, fine_size = 2 * size, plane = fine_size * fine_size;
    long long columns = (long long)n * pixels;
    for (unsigned i = ROW_THREAD; i < n * plane; i += ROW_STRIDE) {
        unsigned image = i / plane, y = i % plane / fine_size, x = i % fine_size;
        float sum = 0.0f;
        for (unsigned ky = (y + 1) % 2; ky < 4; ky += 2) {
            // Wraps around if there is no such row.
            unsigned row = (y + 1 - ky) / 2;
            if (y + 1 < ky || row >= (unsigned)size) continue;
            for (unsigned kx = (x + 1) % 2; kx < 4; kx += 2) {
                unsigned column = (x + 1 - kx) / 2;
                if (x + 1 < kx || column >= (unsigned)size) continue;
                sum += patches[((long long)ROW * 16 + ky * 4 + kx) * columns + image * pixels + row * size + column];
            }
        }
        long long index = ROW * channel_stride + image * image_stride + y * fine_size + x;
        if (epilogue == EPILOGUE_BIAS_RELU) sum = relu(sum + operand[ROW]);
        if (epilogue == EPILOGUE_BIAS_TANH) sum = tanhf(sum + operand[ROW]);
        if (epilogue == EPILOGUE_RELU_BACKWARD && operand[index] <= 0.0f) sum = 0.0f;
        fine[index] = sum;
    }
}

// Adds a bias to each row and applies ReLU, in place.
KERNEL bias_relu(int length, float *x, const float *bias) {
    float *row = x + (long long)ROW * length;
    for (unsigned i = ROW_THREAD; i < (unsigned)length; i += ROW_STRIDE) row[i] = relu(row[i] + bias[ROW]);
}

// Sets d to 0 where y, the output of ReLU, is not above 0.
KERNEL relu_backward(long long length, float *d, const float *y) {
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) {
        if (y[i] <= 0.0f) d[i] = 0.0f;
    }
}

KERNEL tanh_backward(long long length, const float *dy, const float *y, float *d) {
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) d[i] = dy[i] * (1.0f - y[i] * y[i]);
}

// Copies an array of shape (first, second, inner) to one of shape (second, first, inner).
KERNEL swap_axes(int first, int second, int inner, const float *from, float *to) {
    unsigned length = second * inner;
    const float *row = from + (long long)ROW * length;
    for (unsigned i = ROW_THREAD; i < length; i += ROW_STRIDE) {
        to[((long long)(i / inner) * first + ROW) * inner + i % inner] = row[i];
    }
}

// The sum of squared differences, one partial sum per block.
KERNEL mse_partial_sums(long long length, const float *output, const float *target, float *partials) {
    double sum = 0.0;
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) {
        float difference = output[i] - target[i];
        sum += difference * difference;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = (float)sum;
}

// The mean squared error: the sum of the `count` partial sums, divided by `length`. Runs as one block.
KERNEL mse_reduce(int count, long long length, const float *partials, float *mean) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < count; i += THREADS_PER_BLOCK) sum += partials[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *mean = (float)(sum / length);
}

// The gradient of the output, given the gradient of the mean squared error.
KERNEL mse_backward(long long length, const float *output, const float *target, const float *gradient, float *d) {
    float factor = 2.0f * *gradient / length;
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) d[i] = factor * (output[i] - target[i]);
}

// One step of Adam on all weights of a network. Each block works on one row of the table: the addresses of a chunk of
// weights, of its gradients and of its first and second moments, and the length of the chunk.
KERNEL adam(const long long *table, float beta1, float beta2, float one_minus_beta1, float one_minus_beta2, float step_size,
            float inverse_bias_correction2_sqrt, float eps, float weight_decay, float shrinkage) {
    const long long *row = table + 5 * blockIdx.x;
    float *weights = (float *)row[0], *first_moments = (float *)row[2], *second_moments = (float *)row[3];
    const float *gradients = (const float *)row[1];
    for (int i = threadIdx.x; i < row[4]; i += THREADS_PER_BLOCK) {
        float weight = weights[i];
        float gradient = gradients[i] + weight_decay * weight;
        float m = beta1 * first_moments[i] + one_minus_beta1 * gradient;
        float v = beta2 * second_moments[i] + one_minus_beta2 * (gradient * gradient);
        first_moments[i] = m;
        second_moments[i] = v;
        weights[i] = weight * shrinkage - step_size * (m / (sqrtf(v) * inverse_bias_correction2_sqrt + eps));
    }
}

// Moves the averages toward the values by this fraction of their difference.
KERNEL move_towards(long long length, float fraction, float *averages, const float *values) {
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) averages[i] += fraction * (values[i] - averages[i]);
}

KERNEL add_assign(long long length, float *to, const float *from) {
    for (long long i = GRID_THREAD; i < length; i += GRID_STRIDE) to[i] += from[i];
}

// Copies rows of a matrix, each from index `moves[2k + 1]` to index `moves[2k]`. No row is both a source and a
// destination.
KERNEL move_rows(int count, int width, const unsigned *moves, float *rows) {
    for (long long i = GRID_THREAD; i < (long long)count * width; i += GRID_STRIDE) {
        long long k = i / width, column = i % width;
        rows[(long long)moves[2 * k] * width + column] = rows[(long long)moves[2 * k + 1] * width + column];
    }
}

// The `keep` highest scores of each row and their column indices, in descending order, one block per row. A row with
// fewer scores is padded with -inf. A thread keeps only its TOP_PER_THREAD highest scores, so the list may lack a few
// high scores; `bounds` receives the highest score that is not in the list.
KERNEL top_k_rows(int columns, int keep, const float *scores, float *top, unsigned *indices, float *bounds) {
    const float *row = scores + (long long)blockIdx.x * columns;
    // The highest scores that this thread has seen, in descending order, and the highest of those that it has dropped.
    float own[TOP_PER_THREAD];
    unsigned own_indices[TOP_PER_THREAD];
    float dropped = NEG_INFINITY;
    for (int k = 0; k < TOP_PER_THREAD; k++) {
        own[k] = NEG_INFINITY;
        own_indices[k] = 0xffffffffu;
    }
    for (int i = threadIdx.x; i < columns; i += THREADS_PER_BLOCK) {
        float score = row[i];
        unsigned index = i;
        for (int k = 0; k < TOP_PER_THREAD; k++) {
            // Equal scores stay in the order of their indices.
            if (score > own[k]) {
                float other = own[k];
                unsigned other_index = own_indices[k];
                own[k] = score;
                own_indices[k] = index;
                score = other;
                index = other_index;
            }
        }
        dropped = fmaxf(dropped, score);
    }
    __shared__ float heads[THREADS_PER_BLOCK];
    __shared__ unsigned head_indices[THREADS_PER_BLOCK], threads[THREADS_PER_BLOCK];
    for (int k = 0; k < keep; k++) {
        heads[threadIdx.x] = own[0];
        head_indices[threadIdx.x] = own_indices[0];
        threads[threadIdx.x] = threadIdx.x;
        __syncthreads();
        for (unsigned half = THREADS_PER_BLOCK / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) {
                float left = heads[threadIdx.x], right = heads[threadIdx.x + half];
                if (right > left || (right == left && head_indices[threadIdx.x + half] < head_indices[threadIdx.x])) {
                    heads[threadIdx.x] = right;
                    head_indices[threadIdx.x] = head_indices[threadIdx.x + half];
                    threads[threadIdx.x] = threads[threadIdx.x + half];
                }
            }
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            top[(long long)blockIdx.x * keep + k] = heads[0];
            indices[(long long)blockIdx.x * keep + k] = head_indices[0];
        }
        bool taken = threads[0] == threadIdx.x;
        __syncthreads();
        if (taken) {
            for (int j = 0; j + 1 < TOP_PER_THREAD; j++) {
                own[j] = own[j + 1];
                own_indices[j] = own_indices[j + 1];
            }
            own[TOP_PER_THREAD - 1] = NEG_INFINITY;
            own_indices[TOP_PER_THREAD - 1] = 0xffffffffu;
        }
    }
    heads[threadIdx.x] = fmaxf(dropped, own[0]);
    __syncthreads();
    for (unsigned half = THREADS_PER_BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) heads[threadIdx.x] = fmaxf(heads[threadIdx.x], heads[threadIdx.x + half]);
        __syncthreads();
    }
    if (threadIdx.x == 0) bounds[blockIdx.x] = heads[0];
}
