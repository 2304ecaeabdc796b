//! The messages of an event file that we need, with the field numbers of TensorFlow's `event.proto` and `summary.proto`.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::Raster;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "Payload", tags = "3, 5")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Payload {
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

/// A scalar or an image with its tag.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "ValueKind", tags = "2, 4")]
    kind: Option<ValueKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ValueKind {
    #[prost(float, tag = "2")]
    Scalar(f32),
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
    /// The first event of a file.
    pub(super) fn file_version() -> Self {
        Self { wall_time: now(), step: 0, payload: Some(Payload::FileVersion("brain.Event:2".to_owned())) }
    }

    /// Scalars and images of one step.
    pub(super) fn summary(step: usize, value: Vec<Value>) -> Self {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        Self { wall_time: now(), step, payload: Some(Payload::Summary(Summary { value })) }
    }
}

impl Value {
    pub(super) fn scalar(tag: impl Into<String>, value: f64) -> Self {
        Self { tag: tag.into(), kind: Some(ValueKind::Scalar(value as f32)) }
    }

    pub(super) fn image(tag: impl Into<String>, raster: &Raster) -> crate::Result<Self> {
        // A raster has at most 2^30 bytes.
        let side = |pixels: usize| i32::try_from(pixels).unwrap_or(i32::MAX);
        let image = Image {
            height: side(raster.height()),
            width: side(raster.width()),
            colorspace: side(raster.channels()),
            encoded: raster.to_png()?,
        };
        Ok(Self { tag: tag.into(), kind: Some(ValueKind::Image(image)) })
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
