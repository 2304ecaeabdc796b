// The generator of a run in plain JavaScript: the random numbers of `gtn sample`, ĥ, and the decoder.
//
// Arrays hold rows one after the other. Weights are those of PyTorch's layers: (outputs, inputs) of a linear layer, and (inputs,
// outputs, 4, 4) of a transposed convolution with stride 2 and padding 1.
"use strict";

const Gtn = (() => {
  // ---- Random numbers: SHA-256, ChaCha8, and the ziggurat method, as in the Rust program ----

  const SHA_K = new Uint32Array(64);
  const SHA_H = new Uint32Array(8);
  {
    // The first 32 bits of the fractional parts of the cube and square roots of the first primes.
    const isPrime = (n) => { for (let i = 2; i * i <= n; i++) if (n % i === 0) return false; return true; };
    const fraction = (x) => Math.floor((x - Math.floor(x)) * 4294967296);
    for (let n = 2, i = 0; i < 64; n++) {
      if (!isPrime(n)) continue;
      if (i < 8) SHA_H[i] = fraction(Math.sqrt(n));
      SHA_K[i++] = fraction(Math.cbrt(n));
    }
  }

  function sha256(bytes) {
    const length = bytes.length;
    const padded = new Uint8Array(((length + 8 >> 6) + 1) << 6);
    padded.set(bytes);
    padded[length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 4, length * 8);
    const h = SHA_H.slice();
    const w = new Uint32Array(64);
    const rotate = (x, n) => x >>> n | x << 32 - n;
    for (let at = 0; at < padded.length; at += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >>> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >>> 10);
      }
      let [a, b, c, d, e, f, g, k] = h;
      for (let i = 0; i < 64; i++) {
        const t = k + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (e & f ^ ~e & g) + SHA_K[i] + w[i] | 0;
        const u = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (a & b ^ a & c ^ b & c) | 0;
        [k, g, f, e, d, c, b, a] = [g, f, e, d + t | 0, c, b, a, t + u | 0];
      }
      [a, b, c, d, e, f, g, k].forEach((value, i) => { h[i] += value; });
    }
    const out = new DataView(new ArrayBuffer(32));
    h.forEach((value, i) => out.setUint32(4 * i, value));
    return new Uint8Array(out.buffer);
  }

  class ChaCha8 {
    // `key` has 32 bytes.
    constructor(key) {
      const view = new DataView(key.buffer, key.byteOffset, 32);
      this.state = new Uint32Array(16);
      this.state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
      for (let i = 0; i < 8; i++) this.state[4 + i] = view.getUint32(4 * i, true);
      this.words = new Uint32Array(16);
      this.at = 16;
    }

    next() {
      if (this.at === 16) this.refill();
      return this.words[this.at++];
    }

    refill() {
      const x = this.words;
      x.set(this.state);
      const quarter = (a, b, c, d) => {
        x[a] += x[b]; let t = x[d] ^ x[a]; x[d] = t << 16 | t >>> 16;
        x[c] += x[d]; t = x[b] ^ x[c]; x[b] = t << 12 | t >>> 20;
        x[a] += x[b]; t = x[d] ^ x[a]; x[d] = t << 8 | t >>> 24;
        x[c] += x[d]; t = x[b] ^ x[c]; x[b] = t << 7 | t >>> 25;
      };
      for (let round = 0; round < 4; round++) {
        quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
        quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
      }
      for (let i = 0; i < 16; i++) x[i] += this.state[i];
      if (++this.state[12] === 4294967296 || this.state[12] === 0) this.state[13]++;
      this.at = 0;
    }

    // The upper 52 bits of 64, as a fraction; `low` receives the lowest 8.
    bits52() {
      const low = this.next(), high = this.next();
      this.lowByte = low & 255;
      return (high * 1048576 + (low >>> 12)) / 4503599627370496;
    }

    // Uniform in [0, 1).
    uniform() {
      const low = this.next(), high = this.next();
      return (high * 2097152 + (low >>> 11)) / 9007199254740992;
    }

    // Uniform in (0, 1).
    open() {
      return 1 + this.bits52() - (1 - Number.EPSILON / 2);
    }
  }

  // The stream of a seed (a BigInt), a purpose and an index.
  function stream(seed, purpose, index = 0n) {
    const text = new TextEncoder();
    const prefix = text.encode("gtn random stream 1\0"), suffix = text.encode(purpose);
    const bytes = new Uint8Array(prefix.length + 16 + suffix.length);
    bytes.set(prefix);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(prefix.length, BigInt.asUintN(64, seed), true);
    view.setBigUint64(prefix.length + 8, index, true);
    bytes.set(suffix, prefix.length + 16);
    return new ChaCha8(sha256(bytes));
  }

  // A generator from a 64-bit number, by PCG32.
  function fromNumber(low, high) {
    const mask = (1n << 64n) - 1n;
    let state = BigInt(high) << 32n | BigInt(low);
    const key = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) {
      state = state * 6364136223846793005n + 11634580027462260723n & mask;
      const x = Number((state >> 18n ^ state) >> 27n & 0xffffffffn), turn = Number(state >> 59n);
      key.setUint32(4 * i, turn === 0 ? x : x >>> turn | x << 32 - turn, true);
    }
    return new ChaCha8(new Uint8Array(key.buffer));
  }

  const ZIGGURAT_R = 3.654152885361008796;
  const ZIGGURAT_X = new Float64Array(257);
  const ZIGGURAT_F = new Float64Array(257);
  {
    // 256 boxes of equal area under the density.
    const area = 0.00492867323399, density = (x) => Math.exp(-0.5 * x * x);
    ZIGGURAT_X[0] = area / density(ZIGGURAT_R);
    ZIGGURAT_X[1] = ZIGGURAT_R;
    for (let i = 2; i < 256; i++) {
      ZIGGURAT_X[i] = Math.sqrt(-2 * Math.log(area / ZIGGURAT_X[i - 1] + density(ZIGGURAT_X[i - 1])));
    }
    ZIGGURAT_F.set(ZIGGURAT_X.map(density));
  }

  function normal(rng) {
    for (;;) {
      const u = 2 * (1 + rng.bits52()) - 3, i = rng.lowByte;
      const x = u * ZIGGURAT_X[i];
      if (Math.abs(x) < ZIGGURAT_X[i + 1]) return x;
      if (i === 0) {
        let a = 1, b = 0;
        while (-2 * b < a * a) {
          a = Math.log(rng.open()) / ZIGGURAT_R;
          b = Math.log(rng.open());
        }
        return u < 0 ? a - ZIGGURAT_R : ZIGGURAT_R - a;
      }
      if (ZIGGURAT_F[i + 1] + (ZIGGURAT_F[i] - ZIGGURAT_F[i + 1]) * rng.uniform() < Math.exp(-0.5 * x * x)) return x;
    }
  }

  // ---- Layers ----

  // out = x Wᵀ + b for `rows` rows.
  function linear(x, rows, { weight, bias, inputs, outputs }, out = new Float32Array(rows * outputs)) {
    for (let o = 0; o < outputs; o++) {
      const from = o * inputs;
      for (let row = 0; row < rows; row++) {
        const at = row * inputs;
        let a = 0, b = 0, c = 0, d = 0, i = 0;
        for (; i + 3 < inputs; i += 4) {
          a += weight[from + i] * x[at + i];
          b += weight[from + i + 1] * x[at + i + 1];
          c += weight[from + i + 2] * x[at + i + 2];
          d += weight[from + i + 3] * x[at + i + 3];
        }
        for (; i < inputs; i++) a += weight[from + i] * x[at + i];
        out[row * outputs + o] = a + b + c + d + bias[o];
      }
    }
    return out;
  }

  function layerNorm(x, rows, { weight, bias }) {
    const width = weight.length, out = new Float32Array(x.length);
    for (let row = 0; row < rows; row++) {
      const at = row * width;
      let mean = 0, square = 0;
      for (let i = 0; i < width; i++) mean += x[at + i];
      mean /= width;
      for (let i = 0; i < width; i++) square += (x[at + i] - mean) ** 2;
      const scale = 1 / Math.sqrt(square / width + 1e-5);
      for (let i = 0; i < width; i++) out[at + i] = (x[at + i] - mean) * scale * weight[i] + bias[i];
    }
    return out;
  }

  // Rows of x with the columns of the condition beside them.
  function beside(x, width, condition, columns, rows) {
    if (columns === 0) return x;
    const out = new Float32Array(rows * (width + columns));
    for (let row = 0; row < rows; row++) {
      out.set(x.subarray(row * width, (row + 1) * width), row * (width + columns));
      out.set(condition.subarray(row * columns, (row + 1) * columns), row * (width + columns) + width);
    }
    return out;
  }

  function residual(net, points, condition, columns, rows) {
    const width = net.input.outputs;
    let h = linear(beside(points, net.dim, condition, columns, rows), rows, net.input);
    for (const { norm, linear1, linear2 } of net.blocks) {
      const a = linear(beside(layerNorm(h, rows, norm), width, condition, columns, rows), rows, linear1);
      for (let i = 0; i < a.length; i++) a[i] /= 1 + Math.exp(-a[i]);
      const b = linear(a, rows, linear2);
      for (let i = 0; i < h.length; i++) h[i] += b[i];
    }
    const y = linear(layerNorm(h, rows, net.norm), rows, net.output);
    for (let i = 0; i < y.length; i++) y[i] += points[i];
    return y;
  }

  function mlp(net, points, condition, columns, rows) {
    let x = beside(points, net.dim, condition, columns, rows);
    for (const { layer, norm } of net.hidden) {
      x = linear(x, rows, layer);
      for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] *= net.slope;
      if (norm) {
        const width = layer.outputs;
        for (let i = 0; i < x.length; i++) {
          const j = i % width;
          x[i] = (x[i] - norm.mean[j]) / Math.sqrt(norm.variance[j] + 1e-5) * norm.weight[j] + norm.bias[j];
        }
      }
    }
    return linear(x, rows, net.output);
  }

  // A transposed convolution of one image (inputs, side, side) with kernel 4, stride 2 and padding 1. Each input pixel adds a patch of
  // 4 × 4 to each output channel.
  function deconvolution(x, side, { weight, bias, inputs, outputs }) {
    const pixels = side * side, big = 2 * side, patch = outputs * 16;
    const padded = big + 2, out = new Float32Array(outputs * big * big);
    const sums = new Float32Array(outputs * padded * padded);
    const column = new Float32Array(patch);
    for (let pixel = 0; pixel < pixels; pixel++) {
      column.fill(0);
      for (let i = 0; i < inputs; i++) {
        const value = x[i * pixels + pixel];
        if (value === 0) continue;
        const from = i * patch;
        for (let j = 0; j < patch; j++) column[j] += value * weight[from + j];
      }
      const top = 2 * Math.floor(pixel / side), left = 2 * (pixel % side);
      for (let o = 0, j = 0; o < outputs; o++) {
        for (let row = 0; row < 4; row++) {
          const at = (o * padded + top + row) * padded + left;
          sums[at] += column[j++]; sums[at + 1] += column[j++]; sums[at + 2] += column[j++]; sums[at + 3] += column[j++];
        }
      }
    }
    for (let o = 0; o < outputs; o++) {
      for (let row = 0; row < big; row++) {
        const at = (o * padded + row + 1) * padded + 1, to = (o * big + row) * big;
        for (let i = 0; i < big; i++) out[to + i] = sums[at + i] + bias[o];
      }
    }
    return out;
  }

  // ---- The generator ----

  // `count` normal vectors of a seed with their components, as `gtn sample --seed` draws them.
  function draw(model, seed, count) {
    const rng = stream(seed, "sample");
    const components = new Uint32Array(count);
    const weights = model.coordinates ? model.coordinates.weights : [1];
    if (weights.length > 1) {
      const low = rng.next(), high = rng.next(), own = fromNumber(low, high);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let n = 0; n < count; n++) {
        let rest = own.uniform() * total, k = 0;
        while (k < weights.length - 1 && (rest -= weights[k]) >= 0) k++;
        components[n] = k;
      }
    }
    const y = new Float32Array(count * model.dim);
    for (let i = 0; i < y.length; i++) y[i] = normal(rng);
    return { y, components };
  }

  // Latents of normal vectors: ĥ in one forward pass.
  function latents(model, y, components) {
    const { dim, coordinates, h, mean, std } = model, rows = components.length;
    let points = y;
    const count = coordinates ? coordinates.weights.length : 1, columns = count > 1 ? count : 0;
    if (coordinates && coordinates.system === "covariance") {
      points = new Float32Array(y.length);
      for (let row = 0; row < rows; row++) {
        const k = components[row], factor = k * dim * dim;
        for (let i = 0; i < dim; i++) {
          let sum = 0;
          for (let j = 0; j <= i; j++) sum += coordinates.factors[factor + i * dim + j] * y[row * dim + j];
          points[row * dim + i] = sum / coordinates.scales[k];
        }
      }
    }
    const condition = new Float32Array(rows * columns);
    if (columns) for (let row = 0; row < rows; row++) condition[row * columns + components[row]] = 1;
    const forward = h.kind === "residual" ? residual : mlp;
    const z = forward(h, points, condition, columns, rows), x = new Float32Array(z.length);
    for (let row = 0; row < rows; row++) {
      const k = components[row], at = row * dim;
      for (let i = 0; i < dim; i++) {
        let value = z[at + i];
        if (coordinates && coordinates.system === "whitened") {
          value = coordinates.means[k * dim + i];
          for (let j = 0; j <= i; j++) value += coordinates.factors[k * dim * dim + i * dim + j] * z[at + j];
        } else if (coordinates && coordinates.system !== "normalized") {
          value = value * coordinates.scales[k] + coordinates.means[k * dim + i];
        }
        x[at + i] = value * std[i] + mean[i];
      }
    }
    return x;
  }

  // The image of one latent, (channels, side, side) in [−1, 1].
  function decode(model, latent) {
    const { layer, deconv1, deconv2, side } = model.decoder;
    const quarter = side / 4;
    const a = deconvolution(linear(latent, 1, layer), quarter, deconv1);
    for (let i = 0; i < a.length; i++) if (a[i] < 0) a[i] = 0;
    const image = deconvolution(a, 2 * quarter, deconv2);
    for (let i = 0; i < image.length; i++) image[i] = Math.tanh(image[i]);
    return image;
  }

  return { sha256, stream, normal, draw, latents, decode };
})();

if (typeof module !== "undefined") module.exports = Gtn;
