//! Animations, frame by frame, as a decoder reads them.

use gif::{ColorOutput, DecodeOptions, Repeat};
use gtn_report::Error;
use gtn_report::animation::back_and_forth;
use gtn_report::grid::{Raster, single};
use ndarray::{Array3, s};

/// Width, height, and the frames: their RGB values and delays in hundredths of a second.
fn shown(gif: &[u8]) -> (usize, usize, Vec<(Vec<u8>, u16)>) {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let mut decoder = options.read_info(gif).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!((frame.left, frame.top), (0, 0));
        assert!(frame.buffer.chunks_exact(4).all(|rgba| rgba[3] == 255));
        frames.push((frame.buffer.chunks_exact(4).flat_map(|rgba| rgba[..3].to_vec()).collect(), frame.delay));
    }
    assert_eq!(decoder.repeat(), Repeat::Infinite);
    (usize::from(decoder.width()), usize::from(decoder.height()), frames)
}

fn rgb(raster: &Raster) -> Vec<u8> {
    match raster.channels() {
        1 => raster.pixels().iter().flat_map(|&level| [level; 3]).collect(),
        _ => raster.pixels().to_vec(),
    }
}

/// Frames with all levels, each different from the one before.
fn frames(count: usize, (channels, height, width): (usize, usize, usize)) -> Vec<Raster> {
    let level = |frame: usize, c: usize, y: usize, x: usize| (frame * 41 + c * 97 + y * 53 + x * 7) % 256;
    let image = |frame| {
        Array3::from_shape_fn((channels, height, width), |(c, y, x)| level(frame, c, y, x) as f32 / 127.5 - 1.0)
    };
    (0..count).map(|frame| single(image(frame).view()).unwrap()).collect()
}

#[test]
fn frames_play_forward_and_backward_in_a_loop_and_keep_every_gray_level() {
    let frames = frames(5, (1, 30, 50));
    let gif = back_and_forth(&frames).unwrap();
    assert_eq!(gif, back_and_forth(&frames).unwrap());
    let (width, height, shown) = shown(&gif);
    assert_eq!((width, height), (4 * 50, 4 * 30));
    let order = [0, 1, 2, 3, 4, 3, 2, 1];
    assert_eq!(shown.len(), order.len());
    for (position, ((pixels, delay), frame)) in shown.iter().zip(order).enumerate() {
        assert!(*pixels == rgb(&frames[frame].upscaled(4).unwrap()), "frame {position}");
        let is_end = frame == 0 || frame == 4;
        assert_eq!(*delay, if is_end { 60 } else { 20 }, "frame {position}");
    }
}

#[test]
fn one_direction_takes_two_seconds_and_large_frames_keep_their_size() {
    for (count, delay) in [(20, 10), (40, 5), (400, 3)] {
        let (.., shown) = shown(&back_and_forth(&frames(count, (1, 3, 4))).unwrap());
        assert_eq!((shown.len(), shown[1].1), (2 * count - 2, delay));
    }
    for (side, factor) in [(120, 4), (121, 3), (240, 2), (241, 1), (700, 1)] {
        let (width, height, shown) = shown(&back_and_forth(&frames(1, (1, 2, side))).unwrap());
        assert_eq!((width, height, shown.len()), (factor * side, factor * 2, 1));
    }
    let (.., shown) = shown(&back_and_forth(&frames(2, (1, 2, 2))).unwrap());
    assert_eq!(shown.len(), 2);
}

#[test]
fn few_colors_are_kept_and_many_are_approximated() {
    // 6 frames of 4 × 9 pixels have at most 216 colors.
    let few = frames(6, (3, 4, 9));
    let (.., exact) = shown(&back_and_forth(&few).unwrap());
    assert!(exact.iter().zip(&few).all(|((pixels, _), frame)| *pixels == rgb(&frame.upscaled(4).unwrap())));

    // More colors than a palette has, including white.
    let mut images = Array3::from_shape_fn((3, 40, 40), |(c, y, x)| match c {
        0 => x as f32 / 19.5 - 1.0,
        1 => y as f32 / 19.5 - 1.0,
        _ => (x + y) as f32 / 39.0 - 1.0,
    });
    images.slice_mut(s![.., 0, ..]).fill(1.0);
    let many = [single(images.view()).unwrap(), single(images.slice(s![.., ..;-1, ..])).unwrap()];
    let (.., approximated) = shown(&back_and_forth(&many).unwrap());
    for ((pixels, _), frame) in approximated.iter().zip(&many) {
        let expected = rgb(&frame.upscaled(4).unwrap());
        let mean =
            pixels.iter().zip(&expected).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum::<f64>() / pixels.len() as f64;
        assert!(mean < 8.0, "{mean}");
        let white = |rgb: &[u8]| rgb.iter().all(|&level| level == 255);
        let is_kept = |(found, expected): (&[u8], &[u8])| !white(expected) || white(found);
        assert!(pixels.chunks_exact(3).zip(expected.chunks_exact(3)).all(is_kept));
    }
}

#[test]
fn invalid_frames_are_errors() {
    let message = |frames: &[Raster]| {
        let error = back_and_forth(frames).unwrap_err();
        assert!(matches!(error, Error::Image { .. }) && error.is_user_error());
        error.to_string()
    };
    assert!(message(&[]).contains("no frames"));
    let mut mixed = frames(2, (1, 3, 4));
    mixed.extend(frames(1, (1, 4, 3)));
    assert!(message(&mixed).contains("(4, 3, 1)") && message(&mixed).contains("(3, 4, 1)"));
    assert!(message(&frames(1, (1, 1, 65_536))).contains("65535"));
}
