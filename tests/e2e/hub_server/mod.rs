//! A local Hugging Face Hub with one data set, whose Parquet files the test creates.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use parquet::data_type::ByteArray;
use parquet::data_type::{BoolType, ByteArrayType, Int64Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// How the hub answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With these files, in the order of their names.
    Files(Vec<Vec<u8>>),
    /// With its list of files, and then nothing.
    Silence,
    Status(u16),
    /// With files that end early.
    Cut,
}

pub(crate) struct Hub {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl Hub {
    /// A hub with MNIST: test and training set.
    pub(crate) fn new(answer: Answer) -> Self {
        Self::with("ylecun/mnist", &["mnist/test/0000.parquet", "mnist/train/0000.parquet"], answer)
    }

    /// A hub with a data set whose files have these names.
    pub(crate) fn with(dataset: &str, names: &[&str], answer: Answer) -> Self {
        let set = Set { id: dataset.to_owned(), names: names.iter().map(|name| (*name).to_owned()).collect(), answer };
        let set = Arc::new(set);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let set = Arc::clone(&set);
                // Clients may disconnect at any time.
                std::thread::spawn(move || respond(stream, &set));
            }
        });
        Self { url, requests }
    }

    /// The number of requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

struct Set {
    id: String,
    names: Vec<String>,
    answer: Answer,
}

fn respond(mut stream: TcpStream, Set { id, names, answer }: &Set) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    while reader.read_line(&mut String::new())? > 2 {}
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let file = path.strip_prefix(&format!("/datasets/{id}/resolve/refs%2Fconvert%2Fparquet/"));
    let number = file.and_then(|file| names.iter().position(|name| *name == file));
    let none = Vec::new();
    let body = match (answer, number) {
        (Answer::Status(status), _) => {
            return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        (_, None) if path == format!("/api/datasets/{id}/revision/refs%2Fconvert%2Fparquet") => {
            let names = ["README.md"].into_iter().chain(names.iter().map(String::as_str));
            let files: Vec<String> = names.map(|name| format!("{{\"rfilename\":\"{name}\"}}")).collect();
            let info = format!("{{\"id\":\"{id}\",\"siblings\":[{}]}}", files.join(","));
            return send(&mut stream, method, info.as_bytes(), info.len(), "info");
        }
        (Answer::Files(files), Some(number)) => &files[number],
        (Answer::Cut, Some(number)) => return send(&mut stream, method, b"PAR1", 1000, &format!("cut-{number}")),
        (Answer::Silence, Some(_)) => {
            std::thread::sleep(std::time::Duration::from_secs(60));
            &none
        }
        _ => return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    };
    send(&mut stream, method, body, body.len(), &path.replace(['/', '%', '+'], "-"))
}

fn send(stream: &mut TcpStream, method: &str, body: &[u8], length: usize, tag: &str) -> std::io::Result<()> {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"{tag}\"\r\nX-Repo-Commit: {commit}\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" { Ok(()) } else { stream.write_all(body) }
}

/// A gray image as PNG.
pub(crate) fn png(pixels: &[u8], side: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::from_raw(side, side, pixels.to_vec())
        .unwrap()
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// A Parquet file with the columns of the hub's MNIST.
pub(crate) fn mnist_parquet(images: &[Vec<u8>], labels: &[i64]) -> Vec<u8> {
    let images: Vec<ByteArray> = images.iter().map(|image| ByteArray::from(image.clone())).collect();
    write("optional int64 label;", &images, |rows| {
        let mut label = rows.next_column().unwrap().unwrap();
        label.typed::<Int64Type>().write_batch(labels, Some(&vec![1; labels.len()]), None).unwrap();
        label.close().unwrap();
    })
}

/// A Parquet file with the columns of the hub's CelebA and two of its attributes.
pub(crate) fn celeba_parquet(images: &[ByteArray], bald: &[bool], smiling: &[bool]) -> Vec<u8> {
    let columns = "optional int64 celeb_id; optional boolean Bald; optional boolean Smiling;";
    write(columns, images, |rows| {
        let mut identity = rows.next_column().unwrap().unwrap();
        identity.typed::<Int64Type>().write_batch(&[], Some(&vec![0; images.len()]), None).unwrap();
        identity.close().unwrap();
        for values in [bald, smiling] {
            let mut attribute = rows.next_column().unwrap().unwrap();
            attribute.typed::<BoolType>().write_batch(values, Some(&vec![1; values.len()]), None).unwrap();
            attribute.close().unwrap();
        }
    })
}

type Rows<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn write(columns: &str, images: &[ByteArray], others: impl FnOnce(&mut Rows<'_>)) -> Vec<u8> {
    let schema = format!(
        "message set {{ optional group image {{ optional binary bytes; optional binary path (UTF8); }} {columns} }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let mut bytes = rows.next_column().unwrap().unwrap();
    bytes.typed::<ByteArrayType>().write_batch(images, Some(&vec![2; images.len()]), None).unwrap();
    bytes.close().unwrap();
    // The column `image` is set, but its `path` is null.
    let mut path = rows.next_column().unwrap().unwrap();
    path.typed::<ByteArrayType>().write_batch(&[], Some(&vec![1; images.len()]), None).unwrap();
    path.close().unwrap();
    others(&mut rows);
    rows.close().unwrap();
    writer.into_inner().unwrap()
}
