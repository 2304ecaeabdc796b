//! The mean squared error of images and the difference of their local spectra, with the gradient, in one pass over each image.

use std::f64::consts::PI;
use std::sync::{LazyLock, Mutex};

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::simd::vectorized;
use super::weight::{lock, read, slice};

/// Height and width of a window in pixels.
pub(crate) const WINDOW: usize = 8;
/// Pixels from a window to the next.
pub(crate) const STRIDE: usize = 4;
/// Neighboring windows along an axis whose powers are averaged.
pub(crate) const POOL: usize = 3;
/// Frequencies of a window: eight vertical and five horizontal ones.
pub(crate) const FREQUENCIES: usize = WINDOW * (WINDOW / 2 + 1);
/// Added to averaged powers, so that the root has a gradient everywhere.
pub(crate) const EPSILON: f32 = 1e-6;

const PIXELS: usize = WINDOW * WINDOW;
/// Real parts, then imaginary parts.
const PARTS: usize = 2 * FREQUENCIES;

/// The transform of the pixels of a window, (64, 80) row by row: the product of a Hann window and the orthonormal discrete Fourier
/// transform, first the real parts of all frequencies, then the imaginary ones.
pub(crate) fn transform() -> &'static [f32] {
    static TRANSFORM: LazyLock<Vec<f32>> = LazyLock::new(|| {
        // The ends of the Hann window, where it is 0, are left out.
        let hann = |i: usize| 0.5 * (1.0 - (2.0 * PI * (i + 1) as f64 / (WINDOW + 1) as f64).cos());
        let mut transform = vec![0.0; PIXELS * PARTS];
        for (pixel, row) in transform.chunks_exact_mut(PARTS).enumerate() {
            let (y, x) = (pixel / WINDOW, pixel % WINDOW);
            let weight = hann(y) * hann(x) / WINDOW as f64;
            for frequency in 0..FREQUENCIES {
                let (v, u) = (frequency / (WINDOW / 2 + 1), frequency % (WINDOW / 2 + 1));
                let angle = 2.0 * PI * ((v * y + u * x) % WINDOW) as f64 / WINDOW as f64;
                row[frequency] = (weight * angle.cos()) as f32;
                row[FREQUENCIES + frequency] = (-weight * angle.sin()) as f32;
            }
        }
        transform
    });
    &TRANSFORM
}

/// Luminance, and two differences of colors: an orthonormal basis of red, green and blue.
///
/// The details of most images are nearly all of luminance. Compared color by color, the amplitudes leave open how the crests of the three
/// colors lie to one another, and details get colors of their own.
pub(crate) fn opponents() -> [[f32; 3]; 3] {
    let [third, half, sixth] = [3.0_f32, 2.0, 6.0].map(|part| part.sqrt().recip());
    [[third; 3], [half, -half, 0.0], [sixth, sixth, -2.0 * sixth]]
}

/// Changes the colors of an image, three planes one after the other, by a matrix.
fn recolor(image: &mut [f32], basis: &[[f32; 3]; 3]) {
    let (red, rest) = image.split_at_mut(image.len() / 3);
    let (green, blue) = rest.split_at_mut(red.len());
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let color = [*red, *green, *blue];
        let [first, second, third] = basis.map(|row| row[0] * color[0] + row[1] * color[1] + row[2] * color[2]);
        (*red, *green, *blue) = (first, second, third);
    }
}

/// The windows of a square image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    side: usize,
    /// Along an axis.
    windows: usize,
    /// Averages of neighboring windows along an axis.
    pooled: usize,
}

impl Windows {
    /// `None` if the image is too small for an average, or if windows do not end at its border.
    pub(crate) fn of(side: usize) -> Option<Self> {
        let rest = side.checked_sub(WINDOW).filter(|rest| rest.is_multiple_of(STRIDE))?;
        let windows = rest / STRIDE + 1;
        Some(Self { side, windows, pooled: windows.checked_sub(POOL - 1).filter(|&pooled| pooled > 0)? })
    }

    fn values(&self) -> usize {
        self.pooled * self.pooled * FREQUENCIES
    }

    /// The offset of a window in its plane.
    fn offset(&self, window: usize) -> usize {
        STRIDE * (window / self.windows * self.side + window % self.windows)
    }
}

/// Buffers that a thread reuses from image to image.
#[derive(Default)]
struct Scratch {
    patches: Vec<f32>,
    spectra: Vec<f32>,
    powers: Vec<f32>,
    output: Vec<f32>,
    target: Vec<f32>,
    /// The output and the target in other colors.
    recolored: [Vec<f32>; 2],
}

/// The spectra of all windows of an image, and the roots of their averaged powers.
fn amplitudes(windows: Windows, image: &[f32], scratch: &mut Scratch, into: fn(&mut Scratch) -> &mut Vec<f32>) {
    let per_plane = windows.windows * windows.windows;
    let rows = image.len() / (windows.side * windows.side) * per_plane;
    let Scratch { patches, spectra, powers, .. } = &mut *scratch;
    patches.resize(rows * PIXELS, 0.0);
    spectra.resize(rows * PARTS, 0.0);
    powers.resize(rows * FREQUENCIES, 0.0);
    let planes = image.chunks_exact(windows.side * windows.side);
    for (plane, patches) in planes.zip(patches.chunks_exact_mut(per_plane * PIXELS)) {
        for (window, patch) in patches.chunks_exact_mut(PIXELS).enumerate() {
            let rows = plane[windows.offset(window)..].chunks(windows.side);
            patch.chunks_exact_mut(WINDOW).zip(rows).for_each(|(to, from)| to.copy_from_slice(&from[..WINDOW]));
        }
    }
    let product = MatrixMut::row_major(spectra, rows, PARTS);
    let transform = Matrix::row_major(transform(), PIXELS, PARTS);
    multiply(product, Write::Set, Matrix::row_major(patches, rows, PIXELS), transform, Threads::One);
    vectorized(|| {
        for (power, parts) in powers.chunks_exact_mut(FREQUENCIES).zip(spectra.chunks_exact(PARTS)) {
            let (real, imaginary) = parts.split_at(FREQUENCIES);
            for ((power, real), imaginary) in power.iter_mut().zip(real).zip(imaginary) {
                *power = real * real + imaginary * imaginary;
            }
        }
    });
    let powers = std::mem::take(powers);
    let pooled = into(scratch);
    pooled.resize(rows / per_plane * windows.values(), 0.0);
    let planes = powers.chunks_exact(per_plane * FREQUENCIES).zip(pooled.chunks_exact_mut(windows.values()));
    for (powers, pooled) in planes {
        for (at, average) in pooled.chunks_exact_mut(FREQUENCIES).enumerate() {
            average.fill(0.0);
            for neighbor in neighbors(windows, at) {
                let powers = &powers[neighbor * FREQUENCIES..][..FREQUENCIES];
                average.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
            }
            average.iter_mut().for_each(|sum| *sum = (*sum / (POOL * POOL) as f32 + EPSILON).sqrt());
        }
    }
    scratch.powers = powers;
}

/// The windows that an average consists of.
fn neighbors(windows: Windows, average: usize) -> impl Iterator<Item = usize> {
    let (top, left) = (average / windows.pooled, average % windows.pooled);
    (0..POOL * POOL).map(move |at| (top + at / POOL) * windows.windows + left + at % POOL)
}

/// The sum of the absolute differences of the amplitudes of an image, and if `gradient` is not empty, `scale` times the gradient of that
/// sum, which is added to it.
fn difference(
    windows: Windows,
    (output, target): (&[f32], &[f32]),
    (scale, gradient): (f32, &mut [f32]),
    scratch: &mut Scratch,
) -> f64 {
    amplitudes(windows, target, scratch, |scratch| &mut scratch.target);
    // Last, because the gradient needs its spectra.
    amplitudes(windows, output, scratch, |scratch| &mut scratch.output);
    let pairs = scratch.output.iter().zip(&scratch.target);
    let sum = pairs.map(|(output, target)| f64::from((output - target).abs())).sum();
    if gradient.is_empty() {
        return sum;
    }
    let Scratch { patches, spectra, powers, output, target, .. } = scratch;
    // From the amplitudes to the powers of all windows.
    powers.fill(0.0);
    let per_plane = windows.windows * windows.windows;
    let planes = output.chunks_exact(windows.values()).zip(target.chunks_exact(windows.values()));
    for ((output, target), powers) in planes.zip(powers.chunks_exact_mut(per_plane * FREQUENCIES)) {
        let averages = output.chunks_exact(FREQUENCIES).zip(target.chunks_exact(FREQUENCIES));
        for (at, (output, target)) in averages.enumerate() {
            let mut of_average = [0.0; FREQUENCIES];
            for ((gradient, output), target) in of_average.iter_mut().zip(output).zip(target) {
                let sign = f32::from(i8::from(output > target) - i8::from(output < target));
                *gradient = scale * sign / (2 * POOL * POOL) as f32 / output;
            }
            for neighbor in neighbors(windows, at) {
                let powers = &mut powers[neighbor * FREQUENCIES..][..FREQUENCIES];
                powers.iter_mut().zip(&of_average).for_each(|(power, gradient)| *power += gradient);
            }
        }
    }
    // To the spectra, to the pixels of the windows, and to the image.
    for (parts, powers) in spectra.chunks_exact_mut(PARTS).zip(powers.chunks_exact(FREQUENCIES)) {
        let (real, imaginary) = parts.split_at_mut(FREQUENCIES);
        for ((real, imaginary), power) in real.iter_mut().zip(imaginary).zip(powers) {
            *real *= 2.0 * power;
            *imaginary *= 2.0 * power;
        }
    }
    let rows = spectra.len() / PARTS;
    let transposed = Matrix::row_major(transform(), PIXELS, PARTS).transposed();
    let product = MatrixMut::row_major(patches, rows, PIXELS);
    multiply(product, Write::Set, Matrix::row_major(spectra, rows, PARTS), transposed, Threads::One);
    let planes = gradient.chunks_exact_mut(windows.side * windows.side);
    for (plane, patches) in planes.zip(patches.chunks_exact(per_plane * PIXELS)) {
        for (window, patch) in patches.chunks_exact(PIXELS).enumerate() {
            let rows = plane[windows.offset(window)..].chunks_mut(windows.side);
            for (to, from) in rows.zip(patch.chunks_exact(WINDOW)) {
                to[..WINDOW].iter_mut().zip(from).for_each(|(sum, value)| *sum += value);
            }
        }
    }
    sum
}

/// Mean squared error, and `weight` times the mean absolute difference of the amplitudes of square images (n, C, H, W), those of color images
/// in the [opponents] of their colors. The target has no gradient.
pub(crate) struct LocalSpectrumLoss {
    windows: Windows,
    channels: usize,
    weight: f32,
    needs_gradient: bool,
    /// The gradient of the output, which the forward pass leaves for the backward pass.
    gradient: Mutex<Option<Vec<f32>>>,
}

impl LocalSpectrumLoss {
    pub(crate) fn new(windows: Windows, channels: usize, weight: f32, needs_gradient: bool) -> Self {
        Self { windows, channels, weight, needs_gradient, gradient: Mutex::new(None) }
    }

    /// The loss, and its gradient if it is wanted.
    fn compute(&self, output: &[f32], target: &[f32], needs_gradient: bool) -> (f64, Option<Vec<f32>>) {
        let image = self.channels * self.windows.side * self.windows.side;
        let images = output.len() / image;
        let amplitudes = (images * self.channels * self.windows.values()) as f64;
        let scales = (2.0 / output.len() as f32, self.weight / amplitudes as f32);
        let mut gradient = vec![0.0; if needs_gradient { output.len() } else { 0 }];
        // Without a gradient, no image gets a part of it.
        let mut parts: Vec<&mut [f32]> = gradient.chunks_exact_mut(image).collect();
        parts.resize_with(images, Default::default);
        let sums: Vec<(f64, f64)> = parts
            .into_par_iter()
            .zip(output.par_chunks_exact(image))
            .zip(target.par_chunks_exact(image))
            .map_init(Scratch::default, |scratch, ((gradient, output), target)| {
                self.of_image((output, target), scales, gradient, scratch)
            })
            .collect();
        let sum = |part: fn(&(f64, f64)) -> f64| sums.iter().map(part).sum::<f64>();
        let loss = sum(|sums| sums.0) / output.len() as f64 + f64::from(self.weight) * sum(|sums| sums.1) / amplitudes;
        (loss, needs_gradient.then_some(gradient))
    }

    /// The sums of the squared errors and of the differences of amplitudes of an image. Its gradient is written if it is not empty.
    fn of_image(
        &self,
        (output, target): (&[f32], &[f32]),
        (of_error, of_spectrum): (f32, f32),
        gradient: &mut [f32],
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        let pairs = output.iter().zip(target);
        let error = pairs.clone().map(|(output, target)| f64::from((output - target).powi(2))).sum::<f64>();
        let spectra = if self.channels == 3 {
            let basis = opponents();
            let mut recolored = std::mem::take(&mut scratch.recolored);
            for (recolored, image) in recolored.iter_mut().zip([output, target]) {
                recolored.clear();
                recolored.extend_from_slice(image);
                recolor(recolored, &basis);
            }
            let images = (recolored[0].as_slice(), recolored[1].as_slice());
            let sum = difference(self.windows, images, (of_spectrum, &mut *gradient), scratch);
            // The inverse of an orthonormal basis is its transpose.
            recolor(gradient, &[0, 1, 2].map(|color| basis.map(|row| row[color])));
            scratch.recolored = recolored;
            sum
        } else {
            difference(self.windows, (output, target), (of_spectrum, &mut *gradient), scratch)
        };
        gradient.iter_mut().zip(pairs).for_each(|(d, (output, target))| *d += of_error * (output - target));
        (error, spectra)
    }
}

impl CustomOp2 for LocalSpectrumLoss {
    fn name(&self) -> &'static str {
        "loss with local spectra"
    }

    fn cpu_fwd(
        &self,
        output: &CpuStorage,
        output_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (output, target) = (slice(output, output_layout)?, slice(target, target_layout)?);
        let (loss, gradient) = self.compute(output, target, self.needs_gradient);
        *lock(&self.gradient) = gradient;
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        output: &Tensor,
        target: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let stored = lock(&self.gradient).take();
        let (outputs, targets) = (read(output)?, read(target)?);
        let mut d = stored.or_else(|| self.compute(&outputs, &targets, true).1).unwrap_or_default();
        drop((outputs, targets));
        let factor = gradient.to_scalar::<f32>()?;
        if factor != 1.0 {
            d.iter_mut().for_each(|d| *d *= factor);
        }
        Ok((Some(Tensor::from_vec(d, output.shape(), output.device())?), None))
    }
}
