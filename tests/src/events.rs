//! A reader of TensorBoard's event files that shares no code with their writer.

use std::path::Path;

use prost::Message;

/// An event with a scalar or an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The tag.
    pub tag: String,
    /// The step.
    pub step: i64,
    /// The content.
    pub kind: EventKind,
}

/// The content of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A scalar.
    Scalar(f32),
    /// An image.
    Image {
        /// Width in pixels.
        width: i32,
        /// Height in pixels.
        height: i32,
        /// 1 for gray, 3 for RGB.
        channels: i32,
        /// The PNG file.
        png: Vec<u8>,
    },
}

/// Reads the file at `path`. An incomplete last record is omitted.
///
/// # Panics
///
/// If it is not an event file, or a checksum is wrong.
#[must_use]
pub fn read_events(path: &Path) -> Vec<Event> {
    let bytes = std::fs::read(path).unwrap();
    let mut records = records(&bytes).into_iter().map(|record| EventProto::decode(record).unwrap());
    assert_eq!(records.next().unwrap().file_version, "brain.Event:2", "{}", path.display());
    let mut events = Vec::new();
    for EventProto { step, wall_time, summary, .. } in records {
        assert!(wall_time > 1.7e9, "{wall_time} is not a time");
        for Value { tag, scalar, image } in summary.unwrap().value {
            let kind = match (scalar, image) {
                (Some(scalar), None) => EventKind::Scalar(scalar),
                (None, Some(image)) => {
                    let Image { height, width, colorspace, encoded } = image;
                    EventKind::Image { width, height, channels: colorspace, png: encoded }
                }
                other => panic!("{tag}: {other:?}"),
            };
            events.push(Event { tag, step, kind });
        }
    }
    events
}

fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(12) {
        let (length, checksum) = head.split_at(8);
        assert_eq!(masked(length).to_le_bytes(), checksum);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let Some((record, rest)) = rest.split_at_checked(length) else { break };
        let Some((checksum, rest)) = rest.split_at_checked(4) else { break };
        assert_eq!(masked(record).to_le_bytes(), checksum);
        records.push(record);
        bytes = rest;
    }
    records
}

/// The masked CRC-32C, bit by bit.
fn masked(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[derive(Message)]
struct EventProto {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, tag = "3")]
    file_version: String,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    scalar: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
}

#[derive(Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}
