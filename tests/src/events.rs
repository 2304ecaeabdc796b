//! A reader of TensorBoard's event files that shares no code with their writer.

use std::path::Path;

use prost::Message;

/// A number or an image as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its tag.
    pub tag: String,
    /// Its step.
    pub step: i64,
    /// What it is.
    pub what: What,
}

/// What an event told.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A number.
    Number(f32),
    /// A picture.
    Image {
        /// Pixels in a row.
        width: i32,
        /// Rows.
        height: i32,
        /// 1 for gray, 3 for RGB.
        channels: i32,
        /// The file.
        png: Vec<u8>,
    },
}

/// Reads the file at `path`; a last record that is torn is left out.
///
/// # Panics
///
/// If the file is not one of events, or a checksum is wrong.
#[must_use]
pub fn read_events(path: &Path) -> Vec<Told> {
    let bytes = std::fs::read(path).unwrap();
    let mut events = records(&bytes).into_iter().map(|record| Event::decode(record).unwrap());
    assert_eq!(events.next().unwrap().file_version, "brain.Event:2", "{}", path.display());
    let mut told = Vec::new();
    for Event { step, wall_time, summary, .. } in events {
        assert!(wall_time > 1.7e9, "{wall_time} is not a time");
        for Value { tag, number, image } in summary.unwrap().value {
            let what = match (number, image) {
                (Some(number), None) => What::Number(number),
                (None, Some(image)) => {
                    let Image { height, width, colorspace, encoded } = image;
                    What::Image { width, height, channels: colorspace, png: encoded }
                }
                other => panic!("{tag}: {other:?}"),
            };
            told.push(Told { tag, step, what });
        }
    }
    told
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

/// CRC-32C bit by bit, and masked.
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
struct Event {
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
    number: Option<f32>,
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
