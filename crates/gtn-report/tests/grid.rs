//! Rasters and grids, level by level.

use gtn_report::Error;
use gtn_report::grid::{grid, single, square};
use ndarray::{Array3, Array4, array};

#[test]
fn a_grid_has_the_images_row_by_row_with_white_gaps() {
    // Three gray images of 1 × 2 pixels in two columns.
    let images = array![[[[-1.0_f32, 1.0]]], [[[0.0, -0.5]]], [[[0.5, -1.0]]]];
    let raster = grid(images.view(), 2).unwrap();
    assert_eq!((raster.width(), raster.height(), raster.channels()), (6, 4, 1));
    let expected = [
        [0, 255, 255, 255, 128, 64],
        [255, 255, 255, 255, 255, 255],
        [255, 255, 255, 255, 255, 255],
        [191, 0, 255, 255, 255, 255],
    ];
    assert_eq!(raster.pixels(), expected.concat());
    let one_row = grid(images.view(), 100).unwrap();
    assert_eq!((one_row.width(), one_row.height()), (10, 1));
}

#[test]
fn channels_are_interleaved_and_upscaling_enlarges_pixels() {
    let image = array![[[-1.0_f32, 1.0]], [[0.0, 0.0]], [[1.0, -1.0]]];
    let small = single(image.view()).unwrap();
    assert_eq!(small.pixels(), [0, 128, 255, 255, 128, 0]);
    let large = small.upscaled(2).unwrap();
    assert_eq!((large.width(), large.height()), (4, 2));
    assert_eq!(large.pixels(), [[0, 128, 255, 0, 128, 255, 255, 128, 0, 255, 128, 0]; 2].concat());
    assert_eq!(small.upscaled(1).unwrap(), small);
}

#[test]
fn every_level_is_reached_and_values_out_of_range_are_clamped() {
    let levels = Array3::from_shape_fn((1, 1, 256), |(_, _, level)| level as f32 / 127.5 - 1.0);
    assert!(single(levels.view()).unwrap().pixels().iter().copied().eq(0..=255));
    let out_of_range = array![[[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.5, 7.0, f32::MAX, f32::MIN, -0.0]]];
    assert_eq!(single(out_of_range.view()).unwrap().pixels(), [128, 255, 0, 0, 255, 255, 0, 128]);
}

#[test]
fn a_png_decodes_to_the_same_levels_and_equal_rasters_are_equal_files() {
    for channels in [1, 3] {
        let images = Array4::from_shape_fn((5, channels, 4, 3), |(n, c, y, x)| {
            ((n * 31 + c * 17 + y * 7 + x) % 23) as f32 / 11.0 - 1.0
        });
        let raster = grid(images.view(), 3).unwrap().upscaled(3).unwrap();
        let png = raster.to_png().unwrap();
        assert_eq!(png, grid(images.view(), 3).unwrap().upscaled(3).unwrap().to_png().unwrap());
        let decoded = image::load_from_memory(&png).unwrap();
        assert_eq!((decoded.width() as usize, decoded.height() as usize), (raster.width(), raster.height()));
        assert_eq!(usize::from(decoded.color().channel_count()), channels);
        assert_eq!(decoded.as_bytes(), raster.pixels());
    }
}

#[test]
fn an_invalid_shape_is_an_error_that_names_it() {
    for shape in [(0, 1, 2, 2), (3, 2, 2, 2), (3, 4, 2, 2), (3, 0, 2, 2), (3, 1, 0, 2), (3, 1, 2, 0)] {
        let images = Array4::<f32>::zeros(shape);
        let error = grid(images.view(), 2).unwrap_err();
        assert!(matches!(error, Error::Image { .. }) && error.is_user_error());
        let (n, c, h, w) = shape;
        assert!(error.to_string().contains(&format!("[{n}, {c}, {h}, {w}]")), "{error}");
    }
    let images = Array4::<f32>::zeros((2, 1, 2, 2));
    assert!(grid(images.view(), 0).is_err());
    let small = single(Array3::zeros((1, 1, 1)).view()).unwrap();
    assert!(small.upscaled(0).is_err());
    assert!(small.upscaled(100_000).is_err());
    assert!(small.upscaled(usize::MAX).is_err());
    assert!(single(Array3::zeros((2, 5, 5)).view()).is_err());
}

#[test]
fn a_jpeg_gets_smaller_where_it_would_be_too_large() {
    // Noise, which no encoder makes small.
    let mut state = 1_u32;
    let noise = Array4::from_shape_fn((20, 3, 32, 32), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    });
    let raster = square(noise.view()).unwrap();
    let size = |limit| raster.to_jpeg(limit).unwrap().len();
    let (largest, smallest) = (size(usize::MAX), size(0));
    let limit = largest * 9 / 10;
    assert!(smallest < limit && (smallest..=limit).contains(&size(limit)), "{smallest}, {limit}: {}", size(limit));
}
