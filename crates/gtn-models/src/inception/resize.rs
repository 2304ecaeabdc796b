//! Resizing of images as `torch.nn.functional.interpolate` does it with `mode="bilinear"` and `align_corners=False`.

use ndarray::ArrayView3;

use super::architecture::SIDE;

/// The two source pixels of a target pixel along one axis, and the weight of the second one.
#[derive(Debug, Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    weight: f32,
}

fn taps(source: usize) -> [Tap; SIDE] {
    let scale = source as f32 / SIDE as f32;
    std::array::from_fn(|target| {
        // Pixel centers are at half-integers; before the first center there is only the first pixel.
        let position = (scale * (target as f32 + 0.5) - 0.5).max(0.0);
        let low = (position as usize).min(source - 1);
        Tap { low, high: (low + 1).min(source - 1), weight: position - low as f32 }
    })
}

/// Resizes an image, (1 or 3 channels, height, width), to 299 × 299 pixels with three channels, which come last. A gray image
/// has the same values in all channels.
pub(super) fn resize(image: ArrayView3<'_, f32>, resized: &mut [f32]) {
    let (channels, height, width) = image.dim();
    let (down, across) = (taps(height), taps(width));
    let mut upper = vec![0.0; width];
    for channel in 0..channels {
        let plane = image.index_axis(ndarray::Axis(0), channel);
        for (row, down) in resized.chunks_exact_mut(3 * SIDE).zip(&down) {
            let (low, high) = (plane.row(down.low), plane.row(down.high));
            for ((value, low), high) in upper.iter_mut().zip(low).zip(high) {
                *value = (1.0 - down.weight) * low + down.weight * high;
            }
            for (pixel, across) in row.chunks_exact_mut(3).zip(&across) {
                pixel[channel] = (1.0 - across.weight) * upper[across.low] + across.weight * upper[across.high];
            }
        }
    }
    if channels == 1 {
        for pixel in resized.chunks_exact_mut(3) {
            pixel.fill(pixel[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use ndarray::{Array3, Axis};

    use super::*;
    use crate::{to_array4, to_tensor};

    #[test]
    fn images_of_any_size_are_resized_as_by_candle() {
        for (channels, height, width) in
            [(3, 64, 64), (1, 28, 28), (3, 218, 178), (3, 299, 299), (3, 500, 300), (1, 1, 2)]
        {
            let value = |(c, y, x): (usize, usize, usize)| ((c * 7 + y * 31 + x * 17) % 23) as f32 / 11.0 - 1.0;
            let image = Array3::from_shape_fn((channels, height, width), value);
            let tensor = to_tensor(image.view().insert_axis(Axis(0)), &Device::Cpu).unwrap();
            let expected = to_array4(&tensor.upsample_bilinear2d(SIDE, SIDE, false).unwrap()).unwrap();
            let mut resized = vec![0.0; 3 * SIDE * SIDE];
            resize(image.view(), &mut resized);
            for (index, found) in resized.iter().enumerate() {
                let (channel, pixel) = (index % 3 % channels, index / 3);
                let expected = expected[[0, channel, pixel / SIDE, pixel % SIDE]];
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{height} × {width}: {found} instead of {expected} at {index}"
                );
            }
        }
    }
}
