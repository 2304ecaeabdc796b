//! Animated GIFs that play forward and backward in a loop.
//!
//! Gray images keep every level, because a GIF has 256 colors. If color images have more colors than that, all frames use one
//! palette, which avoids flicker.

use std::collections::HashMap;

use color_quant::NeuQuant;
use gif::{Encoder, Frame, Repeat};

use crate::grid::Raster;
use crate::{Error, Result};

/// Duration of all frames in one direction, in hundredths of a second.
const DURATION: usize = 200;
/// Delay of the first and the last frame, in hundredths of a second.
const END_DELAY: u16 = 60;
/// Minimum delay of a frame, in hundredths of a second. Viewers ignore shorter delays.
const MIN_DELAY: usize = 3;
/// Maximum delay of a frame, in hundredths of a second. With longer delays motion is not smooth.
const MAX_DELAY: usize = 20;

/// Maximum factor by which frames are enlarged.
const MAX_FACTOR: usize = 4;
/// Maximum side of an enlarged frame, in pixels.
const MAX_SIDE: usize = 480;

/// Number of colors in the palette of a GIF.
const COLORS: usize = 256;
/// Maximum number of pixels that a palette is fitted to, taken evenly from all frames.
const FITTED_PIXELS: usize = 200_000;

/// A GIF file that shows the frames forward, then backward, in an infinite loop. Small frames are enlarged by a factor of up to
/// 4, but not beyond 480 pixels. Equal frames give equal bytes.
///
/// ```
/// use gtn_report::{animation::back_and_forth, grid::single};
/// use ndarray::Array3;
///
/// // From black to white in five steps.
/// let frame = |step: u8| single(Array3::from_elem((1, 8, 8), f32::from(step) / 2.0 - 1.0).view());
/// let gif = back_and_forth(&(0..5).map(frame).collect::<Result<Vec<_>, _>>()?)?;
/// assert!(gif.starts_with(b"GIF89a"));
/// # Ok::<(), gtn_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Image`] if there are no frames, if they differ in size or channels, or if a side has more than 65,535 pixels.
pub fn back_and_forth(frames: &[Raster]) -> Result<Vec<u8>> {
    let cannot_draw = |given: String, reason| Error::Image { given, reason };
    let size = |frame: &Raster| (frame.width(), frame.height(), frame.channels());
    let Some(first) = frames.first() else {
        return Err(cannot_draw("no frames".to_owned(), "an animation needs at least 1 frame"));
    };
    if let Some(other) = frames.iter().find(|frame| size(frame) != size(first)) {
        let given = format!("frames of sizes {:?} and {:?}", size(first), size(other));
        return Err(cannot_draw(given, "all frames must have the same width, height and channels"));
    }
    let factor = (MAX_SIDE / first.width().max(first.height())).clamp(1, MAX_FACTOR);
    let side = |length: usize| {
        u16::try_from(factor * length)
            .map_err(|_| cannot_draw(format!("frames of {length} pixels"), "a side of a GIF has at most 65535 pixels"))
    };
    let (width, height) = (side(first.width())?, side(first.height())?);

    let fail = |error: gif::EncodingError| Error::Format { what: "a GIF", reason: error.to_string() };
    let mut palette = Palette::new(frames);
    let mut encoder = Encoder::new(Vec::new(), width, height, &palette.colors).map_err(fail)?;
    encoder.set_repeat(Repeat::Infinite).map_err(fail)?;
    let delay = (DURATION / frames.len()).clamp(MIN_DELAY, MAX_DELAY) as u16;
    // Each frame is compressed once; all but the first and the last are written twice.
    let mut compressed: Vec<Frame<'static>> = Vec::with_capacity(frames.len());
    for raster in frames {
        let mut frame = Frame { width, height, delay, ..Frame::default() };
        frame.buffer = palette.indices(raster, factor).into();
        frame.make_lzw_pre_encoded();
        compressed.push(frame);
    }
    let last = compressed.len() - 1;
    for end in [0, last] {
        compressed[end].delay = END_DELAY;
    }
    for index in (0..=last).chain((1..last).rev()) {
        encoder.write_lzw_pre_encoded_frame(&compressed[index]).map_err(fail)?;
    }
    encoder.into_inner().map_err(fail)
}

/// The colors of a GIF, and the index of each color of the frames.
struct Palette {
    /// RGB values, one color after the other.
    colors: Vec<u8>,
    /// The indices of the colors found so far; empty for gray, where the index is the level.
    index_by_color: HashMap<[u8; 3], u8>,
    /// Finds the index of other colors.
    fitted: Option<NeuQuant>,
}

impl Palette {
    fn new(frames: &[Raster]) -> Self {
        if frames[0].channels() == 1 {
            let colors = (0..=u8::MAX).flat_map(|level| [level; 3]).collect();
            return Self { colors, index_by_color: HashMap::new(), fitted: None };
        }
        let pixels =
            || frames.iter().flat_map(|frame| frame.pixels().chunks_exact(3)).map(|rgb| [rgb[0], rgb[1], rgb[2]]);
        let mut colors = Vec::new();
        let mut index_by_color = HashMap::new();
        for color in pixels() {
            if index_by_color.contains_key(&color) {
                continue;
            }
            let Ok(index) = u8::try_from(index_by_color.len()) else { return Self::fitted(pixels()) };
            index_by_color.insert(color, index);
            colors.extend(color);
        }
        Self { colors, index_by_color, fitted: None }
    }

    /// A palette for more colors than it has room for. It contains white exactly, the color between the images of a grid.
    fn fitted(pixels: impl Iterator<Item = [u8; 3]> + Clone) -> Self {
        let every = pixels.clone().count().div_ceil(FITTED_PIXELS);
        let some: Vec<u8> = pixels.step_by(every).flat_map(|[red, green, blue]| [red, green, blue, u8::MAX]).collect();
        let fitted = NeuQuant::new(1, COLORS - 1, &some);
        let mut colors = fitted.color_map_rgb();
        colors.extend([u8::MAX; 3]);
        Self { colors, index_by_color: HashMap::from([([u8::MAX; 3], u8::MAX)]), fitted: Some(fitted) }
    }

    fn index(&mut self, rgb: &[u8]) -> u8 {
        let &[red, green, blue] = rgb else { return rgb[0] };
        let fitted = self.fitted.as_ref();
        let find = || fitted.map_or(0, |fitted| fitted.index_of(&[red, green, blue, u8::MAX]) as u8);
        *self.index_by_color.entry([red, green, blue]).or_insert_with(find)
    }

    /// The color indices of a raster that is enlarged by `factor`.
    fn indices(&mut self, raster: &Raster, factor: usize) -> Vec<u8> {
        let mut indices = Vec::with_capacity(raster.width() * raster.height() * factor * factor);
        for row in raster.pixels().chunks_exact(raster.width() * raster.channels()) {
            let start = indices.len();
            for pixel in row.chunks_exact(raster.channels()) {
                let index = self.index(pixel);
                indices.extend(std::iter::repeat_n(index, factor));
            }
            let end = indices.len();
            for _ in 1..factor {
                indices.extend_from_within(start..end);
            }
        }
        indices
    }
}
