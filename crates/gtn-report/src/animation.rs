//! Pictures that move: a GIF that goes through a row of them and back, again and again.
//!
//! Gray pictures keep every level, since a GIF has 256 colors and there are 256 grays. Of pictures in color that have more
//! colors than that, one palette serves all frames, so that nothing flickers.

use std::collections::HashMap;

use color_quant::NeuQuant;
use gif::{Encoder, Frame, Repeat};

use crate::grid::Picture;
use crate::{Error, Result};

/// Hundredths of a second from one end to the other, and those that an end is shown.
const WAY: usize = 200;
const END: u16 = 60;
/// Hundredths of a second that a frame is shown: viewers do not keep to shorter times, and longer ones do not look like moving.
const SHORTEST: usize = 3;
const LONGEST: usize = 20;

/// Pixels are shown as squares of up to so many pixels a side, as long as the picture has no side beyond [`SIDE`].
const MOST_UPSCALED: usize = 4;
const SIDE: usize = 480;

/// Colors of a GIF's palette.
const COLORS: usize = 256;
/// Pixels that a palette is fitted to at most, evenly taken from all frames.
const FITTED: usize = 200_000;

/// The pictures one after the other, then back to the first, without end, as a GIF file. Small pictures are enlarged: each pixel
/// becomes a square of up to 4 × 4 as long as no side comes to more than 480 pixels. Equal pictures are equal bytes.
///
/// ```
/// use gtn_report::{animation::forth_and_back, grid::picture};
/// use ndarray::Array3;
///
/// // From black to white in five steps.
/// let frame = |step: u8| picture(Array3::from_elem((1, 8, 8), f32::from(step) / 2.0 - 1.0).view());
/// let gif = forth_and_back(&(0..5).map(frame).collect::<Result<Vec<_>, _>>()?)?;
/// assert!(gif.starts_with(b"GIF89a"));
/// # Ok::<(), gtn_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Picture`] if there are no pictures, they differ in size or channels, or a side is longer than a GIF's can be, 65,535.
pub fn forth_and_back(frames: &[Picture]) -> Result<Vec<u8>> {
    let refuse = |given: String, reason| Error::Picture { given, reason };
    let size = |frame: &Picture| (frame.width(), frame.height(), frame.channels());
    let Some(first) = frames.first() else {
        return Err(refuse("no frames".to_owned(), "an animation needs at least 1"));
    };
    if let Some(other) = frames.iter().find(|frame| size(frame) != size(first)) {
        let given = format!("frames of sizes {:?} and {:?}", size(first), size(other));
        return Err(refuse(given, "all must have the same width, height and channels"));
    }
    let factor = (SIDE / first.width().max(first.height())).clamp(1, MOST_UPSCALED);
    let side = |length: usize| {
        u16::try_from(factor * length)
            .map_err(|_| refuse(format!("frames of {length} pixels"), "a GIF's sides have up to 65535"))
    };
    let (width, height) = (side(first.width())?, side(first.height())?);

    let fail = |error: gif::EncodingError| Error::Format { what: "a GIF", reason: error.to_string() };
    let mut palette = Palette::of(frames);
    let mut encoder = Encoder::new(Vec::new(), width, height, &palette.colors).map_err(fail)?;
    encoder.set_repeat(Repeat::Infinite).map_err(fail)?;
    let delay = (WAY / frames.len()).clamp(SHORTEST, LONGEST) as u16;
    // Each is compressed once and shown twice, the ends excepted.
    let mut compressed: Vec<Frame<'static>> = Vec::with_capacity(frames.len());
    for picture in frames {
        let mut frame = Frame { width, height, delay, ..Frame::default() };
        frame.buffer = palette.indices(picture, factor).into();
        frame.make_lzw_pre_encoded();
        compressed.push(frame);
    }
    let last = compressed.len() - 1;
    for end in [0, last] {
        compressed[end].delay = END;
    }
    for index in (0..=last).chain((1..last).rev()) {
        encoder.write_lzw_pre_encoded_frame(&compressed[index]).map_err(fail)?;
    }
    encoder.into_inner().map_err(fail)
}

/// The colors of a GIF, and which of them stands for which color.
struct Palette {
    /// Red, green and blue of each.
    colors: Vec<u8>,
    /// Where each color that has been met is among them; empty for grays, which stand at their level.
    places: HashMap<[u8; 3], u8>,
    /// Finds the place of others.
    fitted: Option<NeuQuant>,
}

impl Palette {
    fn of(frames: &[Picture]) -> Self {
        if frames[0].channels() == 1 {
            let colors = (0..=u8::MAX).flat_map(|level| [level; 3]).collect();
            return Self { colors, places: HashMap::new(), fitted: None };
        }
        let pixels =
            || frames.iter().flat_map(|frame| frame.pixels().chunks_exact(3)).map(|rgb| [rgb[0], rgb[1], rgb[2]]);
        let mut colors = Vec::new();
        let mut places = HashMap::new();
        for color in pixels() {
            if places.contains_key(&color) {
                continue;
            }
            let Ok(place) = u8::try_from(places.len()) else { return Self::fitted(pixels()) };
            places.insert(color, place);
            colors.extend(color);
        }
        Self { colors, places, fitted: None }
    }

    /// For more colors than a palette has. White, which lies between the images of a grid, keeps a place of its own.
    fn fitted(pixels: impl Iterator<Item = [u8; 3]> + Clone) -> Self {
        let every = pixels.clone().count().div_ceil(FITTED);
        let some: Vec<u8> = pixels.step_by(every).flat_map(|[red, green, blue]| [red, green, blue, u8::MAX]).collect();
        let fitted = NeuQuant::new(1, COLORS - 1, &some);
        let mut colors = fitted.color_map_rgb();
        colors.extend([u8::MAX; 3]);
        Self { colors, places: HashMap::from([([u8::MAX; 3], u8::MAX)]), fitted: Some(fitted) }
    }

    fn place(&mut self, rgb: &[u8]) -> u8 {
        let &[red, green, blue] = rgb else { return rgb[0] };
        let fitted = self.fitted.as_ref();
        let find = || fitted.map_or(0, |fitted| fitted.index_of(&[red, green, blue, u8::MAX]) as u8);
        *self.places.entry([red, green, blue]).or_insert_with(find)
    }

    /// The places of a picture's pixels, each as a square.
    fn indices(&mut self, picture: &Picture, factor: usize) -> Vec<u8> {
        let mut indices = Vec::with_capacity(picture.width() * picture.height() * factor * factor);
        for row in picture.pixels().chunks_exact(picture.width() * picture.channels()) {
            let begun = indices.len();
            for pixel in row.chunks_exact(picture.channels()) {
                let place = self.place(pixel);
                indices.extend(std::iter::repeat_n(place, factor));
            }
            let end = indices.len();
            for _ in 1..factor {
                indices.extend_from_within(begun..end);
            }
        }
        indices
    }
}
