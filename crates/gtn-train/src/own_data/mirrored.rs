//! Whether images look like their mirror images.

use gtn_data::Images;
use ndarray::{Array2, Array4, Axis, concatenate};

/// Images of each half that are compared, and at least.
const COMPARED: usize = 500;
const MIN_COMPARED: usize = 100;
/// Pixels a side of the squares that are averaged, for images of so many pixels a side.
const SQUARE: usize = 4;
const MIN_SIDE_OF_SQUARES: usize = 32;
/// The largest energy distance of images and mirror images, as a fraction of twice the mean distance of two images. It is 0.000 for faces,
/// 0.018 for hands and 0.029 for digits.
const MAX_FRACTION: f64 = 0.003;
/// Images that are read at a time.
const BATCH: usize = 50;

/// Whether the training images look like their mirror images, by the energy distance of a half of them and of the other half, mirrored
/// and as it is. `None` for too few images.
pub(super) fn look_mirrored(images: &Images, train: &[usize]) -> Option<bool> {
    let count = (train.len() / 2).min(COMPARED);
    if count < MIN_COMPARED {
        return None;
    }
    let (one, other) = train.split_at(count);
    let mirror_images: Vec<usize> = other[..count].iter().map(|&index| images.mirrored(index)).collect();
    let [one, other, mirrored] = [&one[..count], &other[..count], &mirror_images].map(|indices| {
        let parts: Vec<_> = indices.chunks(BATCH).map(|part| reduced(&images.batch(part))).collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        concatenate(Axis(0), &views).expect("rows of one length")
    });
    let distance = |other: &Array2<f32>| gtn_metrics::energy_distance(one.view(), other.view()).ok();
    let (mirrored, floor) = (distance(&mirrored)?, distance(&other)?);
    // The floor is twice the mean distance by the number of images, up to its noise.
    Some(mirrored - floor <= floor * count as f64 * MAX_FRACTION)
}

/// A row for each image: the means of squares of pixels, which are enough to tell left from right.
fn reduced(images: &Array4<f32>) -> Array2<f32> {
    let (n, channels, height, width) = images.dim();
    let square = if height < MIN_SIDE_OF_SQUARES { 1 } else { SQUARE };
    let values = images
        .exact_chunks((1, 1, square, square))
        .into_iter()
        .map(|pixels| pixels.sum() / (square * square) as f32)
        .collect();
    Array2::from_shape_vec((n, channels * (height / square) * (width / square)), values)
        .expect("one mean for each square")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gtn_models::Streams;

    /// Gray images with a bright square somewhere in the columns from `left` on.
    fn squares(count: usize, left: usize, side: usize) -> Images {
        let places = Streams::new(1).normal("places", 0, count, 2).mapv(|value| 1.0 / (1.0 + (-2.0 * value).exp()));
        let pixels = Array4::from_shape_fn((count, 1, side, side), |(image, _, row, column)| {
            let top = places[[image, 0]] * (side - 4) as f32;
            let start = left as f32 + places[[image, 1]] * (side - left - 4) as f32;
            let is_inside = |at: usize, start: f32| (start..start + 4.0).contains(&(at as f32));
            if is_inside(row, top) && is_inside(column, start) { 255_u8 } else { 0 }
        });
        Images::from_pixels(pixels).unwrap()
    }

    #[test]
    fn left_and_right_are_distinguished() {
        for side in [16, 32] {
            let train: Vec<usize> = (0..600).collect();
            assert_eq!(look_mirrored(&squares(600, 0, side), &train), Some(true));
            assert_eq!(look_mirrored(&squares(600, side / 2, side), &train), Some(false));
            assert_eq!(look_mirrored(&squares(600, 0, side), &train[..150]), None);
        }
        let means = reduced(&Array4::from_shape_fn((2, 1, 32, 32), |(image, _, row, _)| (image + row) as f32));
        assert_eq!((means.dim(), means[[0, 11]], means[[1, 0]]), ((2, 64), 5.5, 2.5));
    }
}
