//! The messages of an event file, as far as they are needed, with the field numbers of TensorFlow's `event.proto` and
//! `summary.proto`.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::Picture;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// A number or an image under its tag.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Content", tags = "2, 4")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    Number(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// The number of channels: 1 for gray, 3 for RGB.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    /// A PNG file.
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

impl Event {
    /// What a file begins with.
    pub(super) fn of_file_version() -> Self {
        Self { wall_time: now(), step: 0, what: Some(What::FileVersion("brain.Event:2".to_owned())) }
    }

    /// Numbers and images of one step.
    pub(super) fn of_values(step: usize, value: Vec<Value>) -> Self {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        Self { wall_time: now(), step, what: Some(What::Summary(Summary { value })) }
    }
}

impl Value {
    pub(super) fn number(tag: impl Into<String>, value: f64) -> Self {
        Self { tag: tag.into(), content: Some(Content::Number(value as f32)) }
    }

    pub(super) fn image(tag: impl Into<String>, picture: &Picture) -> crate::Result<Self> {
        // A picture has at most 2^30 bytes.
        let side = |pixels: usize| i32::try_from(pixels).unwrap_or(i32::MAX);
        let image = Image {
            height: side(picture.height()),
            width: side(picture.width()),
            colorspace: side(picture.channels()),
            encoded: picture.to_png()?,
        };
        Ok(Self { tag: tag.into(), content: Some(Content::Image(image)) })
    }
}

/// Seconds since 1970, by a clock that may be wrong.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
