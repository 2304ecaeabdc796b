//! A Hugging Face Hub on this machine, with one data set whose Parquet files the test makes.

use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// How the hub answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With these files, training and test.
    Files(Vec<u8>, Vec<u8>),
    /// With its list of files, and then nothing for as long as the client waits.
    Silence,
    Status(u16),
    /// With files that end early.
    Cut,
}

pub(crate) struct Hub {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
}

impl Hub {
    pub(crate) fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                // A client that goes away in the middle is part of the game.
                std::thread::spawn(move || serve(stream, &answer));
            }
        });
        Self { url, asked }
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

const INFO: &str = "/api/datasets/ylecun/mnist/revision/refs%2Fconvert%2Fparquet";
const FILES: &str = "/datasets/ylecun/mnist/resolve/refs%2Fconvert%2Fparquet/mnist/";
const TRAIN: &str = "train/0000.parquet";
const TEST: &str = "test/0000.parquet";

fn serve(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    while reader.read_line(&mut String::new())? > 2 {}
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let none = Vec::new();
    let body = match (answer, path.strip_prefix(FILES)) {
        (Answer::Status(status), _) => {
            return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        (_, None) if path == INFO => {
            let names = ["README.md", &format!("mnist/{TEST}"), &format!("mnist/{TRAIN}")];
            let files: Vec<String> = names.iter().map(|name| format!("{{\"rfilename\":\"{name}\"}}")).collect();
            let info = format!("{{\"id\":\"ylecun/mnist\",\"siblings\":[{}]}}", files.join(","));
            return send(&mut stream, method, info.as_bytes(), info.len(), "info");
        }
        (Answer::Files(train, _), Some(TRAIN)) => train,
        (Answer::Files(_, test), Some(TEST)) => test,
        (Answer::Cut, Some(name)) => return send(&mut stream, method, b"PAR1", 1000, &name.replace('/', "-")),
        (Answer::Silence, Some(_)) => {
            std::thread::sleep(std::time::Duration::from_secs(60));
            &none
        }
        _ => return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    };
    send(&mut stream, method, body, body.len(), &path.replace(['/', '%'], "-"))
}

fn send(stream: &mut TcpStream, method: &str, body: &[u8], length: usize, tag: &str) -> std::io::Result<()> {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"{tag}\"\r\nX-Repo-Commit: {commit}\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" { Ok(()) } else { stream.write_all(body) }
}

/// A grey picture as PNG.
pub(crate) fn png(pixels: &[u8], side: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_raw(side, side, pixels.to_vec())
        .unwrap()
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// A Parquet file with the columns of the hub's MNIST.
pub(crate) fn parquet(images: &[Vec<u8>], labels: &[i64]) -> Vec<u8> {
    let schema = "message mnist {
        optional group image { optional binary bytes; optional binary path (UTF8); }
        optional int64 label;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let images: Vec<ByteArray> = images.iter().map(|image| ByteArray::from(image.clone())).collect();
    let levels = |level: i16, values: usize| vec![level; values];
    let mut bytes = rows.next_column().unwrap().unwrap();
    bytes.typed::<ByteArrayType>().write_batch(&images, Some(&levels(2, images.len())), None).unwrap();
    bytes.close().unwrap();
    // No image has a path: its group is there, it is not.
    let mut path = rows.next_column().unwrap().unwrap();
    path.typed::<ByteArrayType>().write_batch(&[], Some(&levels(1, images.len())), None).unwrap();
    path.close().unwrap();
    let mut label = rows.next_column().unwrap().unwrap();
    label.typed::<Int64Type>().write_batch(labels, Some(&levels(1, labels.len())), None).unwrap();
    label.close().unwrap();
    rows.close().unwrap();
    writer.into_inner().unwrap()
}
