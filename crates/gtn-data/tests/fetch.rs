//! Downloads from a local server that fails in every way that servers do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gtn_data::fetch::{Download, Error, Event, ExpectedSha256, Options, fetch};
use sha2::{Digest, Sha256};

/// How the server answers a request.
#[derive(Clone, Copy)]
enum Answer {
    /// The complete file, or the requested range.
    Good,
    /// The complete file, whatever the request asks for.
    NoRange,
    /// This many bytes of the requested range, then the connection is cut.
    Cut(usize),
    /// The right number of wrong bytes.
    Wrong,
    /// Too many bytes, without a Content-Length.
    Endless,
    /// The first bytes of the file, without a Content-Length; the end of the connection is the end of the file.
    Unsized(usize),
    /// The complete file in chunks, without a Content-Length.
    Chunked,
    /// Wrong bytes in chunks.
    ChunkedWrong,
    /// The first bytes of a chunk, then the connection is cut.
    ChunkedCut(usize),
    /// Another range than the requested one.
    OtherRange,
    Status(u16),
    /// Nothing, for as long as the client waits.
    Silence,
}

struct Server {
    url: String,
    /// The first byte that each request asked for.
    requested: Arc<Mutex<Vec<usize>>>,
}

const SIZE: usize = 300_000;

fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A server that gives these answers in turn, and then repeats the last one.
fn server(answers: &[Answer]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let requested = Arc::new(Mutex::new(Vec::new()));
    let (answers, log) = (answers.to_vec(), Arc::clone(&requested));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let answer = answers[number.min(answers.len() - 1)];
            let log = Arc::clone(&log);
            // Clients that disconnect early are expected, so errors are ignored.
            std::thread::spawn(move || respond(stream, answer, &log));
        }
    });
    Server { url, requested }
}

fn respond(mut stream: TcpStream, answer: Answer, log: &Mutex<Vec<usize>>) -> std::io::Result<()> {
    let mut from = 0;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(from);
    let content = content();
    let send = |mut stream: &TcpStream, from: usize, bytes: &[u8]| {
        let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
        let range = format!("Content-Range: bytes {from}-{}/{SIZE}\r\n", SIZE - 1);
        let range = if from == 0 { "" } else { &range };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n", SIZE - from);
        stream.write_all(head.as_bytes())?;
        stream.write_all(bytes)
    };
    let status = |code: u16| format!("HTTP/1.1 {code} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let head = |coding: &str| format!("HTTP/1.1 200 OK\r\n{coding}Connection: close\r\n\r\n");
    let send_chunk = |mut stream: &TcpStream, bytes: &[u8], end: &str| {
        stream.write_all(head("Transfer-Encoding: chunked\r\n").as_bytes())?;
        stream.write_all(format!("{SIZE:x}\r\n").as_bytes())?;
        stream.write_all(bytes)?;
        stream.write_all(end.as_bytes())
    };
    match answer {
        Answer::Good if from >= SIZE => stream.write_all(status(416).as_bytes()),
        Answer::Good => send(&stream, from, &content[from..]),
        Answer::Chunked => send_chunk(&stream, &content, "\r\n0\r\n\r\n"),
        Answer::ChunkedWrong => send_chunk(&stream, &[7; SIZE], "\r\n0\r\n\r\n"),
        Answer::ChunkedCut(bytes) => send_chunk(&stream, &content[..bytes], ""),
        Answer::OtherRange => {
            let range = format!("Content-Range: bytes 7-{}/{SIZE}\r\n", SIZE - 1);
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
                SIZE - 7
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&content[7..])
        }
        Answer::Unsized(bytes) => {
            stream.write_all(head("").as_bytes())?;
            stream.write_all(&content[..bytes])
        }
        Answer::NoRange => send(&stream, 0, &content),
        Answer::Cut(bytes) => send(&stream, from, &content[from..(from + bytes).min(SIZE)]),
        Answer::Wrong => send(&stream, from, &vec![7; SIZE - from]),
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&content)?;
            (0..100).try_for_each(|_| stream.write_all(&[1; 4096]))
        }
        Answer::Status(code) => stream.write_all(status(code).as_bytes()),
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
    }
}

fn download(folder: &Path, urls: &[&str]) -> Download {
    let sha256 = Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect();
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    let (path, size) = (folder.join("set/file.gz"), Some(SIZE as u64));
    Download { path, size, sha256: ExpectedSha256::Full(sha256), urls }
}

/// Of the same file, only the first digits of the SHA-256 are known.
fn download_of_unknown_size(folder: &Path, urls: &[&str]) -> Download {
    let mut file = download(folder, urls);
    let ExpectedSha256::Full(sha256) = &file.sha256 else { unreachable!("it was just created") };
    (file.size, file.sha256) = (None, ExpectedSha256::Prefix(sha256[..8].to_owned()));
    file
}

fn fast_retries() -> Options {
    Options { retry_delay: Duration::from_millis(1), ..Options::default() }
}

fn get(file: &Download, options: &Options) -> (Result<(), Error>, Vec<String>) {
    let mut events = Vec::new();
    let done = fetch(std::slice::from_ref(file), options, |_, event| {
        match event {
            Event::AttemptFailed { reason, retry_in, .. } => {
                let next = if retry_in.is_some() { "again" } else { "mirror" };
                events.push(format!("{reason}: {next}"));
            }
            Event::AlreadyPresent => events.push("present".to_owned()),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    (done, events)
}

/// The file is complete, and there is no other file next to it.
#[track_caller]
fn assert_complete(file: &Download) {
    assert!(fs::read(&file.path).unwrap() == content());
    assert_eq!(names(file.path.parent().unwrap()), ["file.gz"]);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_arrives_despite_failures() {
    use Answer::{Cut, Endless, Good, NoRange, Status, Wrong};
    for (answers, requested, failures) in [
        (&[Good][..], &[0][..], 0),
        // The connection is cut, and the download resumes.
        (&[Cut(100_000), Good], &[0, 100_000], 1),
        (&[Cut(100_000), Cut(50_000), Good], &[0, 100_000, 150_000], 2),
        // The connection is cut, and the server sends the complete file again.
        (&[Cut(100_000), NoRange], &[0, 100_000], 1),
        // A transient failure.
        (&[Status(503), Status(500), Good], &[0, 0, 0], 2),
        (&[Cut(0), Good], &[0, 0], 1),
        // The second mirror has the file, the first does not.
        (&[Status(404), Good], &[0, 0], 1),
        (&[Wrong, Good], &[0, 0], 1),
        (&[Endless, Good], &[0, 0], 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(answers);
        // Both mirrors are the same server: after the first is given up, the next answer is that of the second mirror.
        let file = download(folder.path(), &[&server.url, &server.url]);
        let (done, events) = get(&file, &fast_retries());
        done.unwrap_or_else(|error| panic!("{requested:?}: {error} {events:?}"));
        assert_complete(&file);
        assert_eq!(*server.requested.lock().unwrap(), requested, "{events:?}");
        assert_eq!(events.len(), failures, "{events:?}");
    }
}

#[test]
fn a_file_of_unknown_size_arrives_despite_failures() {
    use Answer::{Chunked, ChunkedCut, ChunkedWrong, Cut, Good, NoRange, OtherRange, Status, Unsized, Wrong};
    for (answers, requested, failures) in [
        (&[Good][..], &[0][..], 0),
        (&[Unsized(SIZE)], &[0], 0),
        (&[Chunked], &[0], 0),
        // The connection is cut, which the server's length or chunk reveals, and the download resumes.
        (&[Cut(100_000), Good], &[0, 100_000], 1),
        (&[Cut(100_000), Cut(50_000), Good], &[0, 100_000, 150_000], 2),
        (&[Cut(100_000), NoRange], &[0, 100_000], 1),
        (&[ChunkedCut(100_000), Good], &[0, 100_000], 1),
        // Only the SHA-256 reveals that the rest is missing, and the download restarts.
        (&[Unsized(100_000), Good], &[0, 0], 1),
        (&[Unsized(0), Unsized(SIZE - 1), Unsized(SIZE)], &[0, 0, 0], 2),
        // The server refuses the rest, or sends another part.
        (&[Cut(100_000), Status(416), Good], &[0, 100_000, 0], 1),
        (&[Cut(100_000), OtherRange, Good], &[0, 100_000, 100_000], 2),
        // The second mirror has the file, the first does not.
        (&[Wrong, Good], &[0, 0], 1),
        (&[ChunkedWrong, Good], &[0, 0], 1),
        (&[Status(404), Good], &[0, 0], 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(answers);
        let file = download_of_unknown_size(folder.path(), &[&server.url, &server.url]);
        let (done, events) = get(&file, &fast_retries());
        done.unwrap_or_else(|error| panic!("{requested:?}: {error} {events:?}"));
        assert_complete(&file);
        assert_eq!(*server.requested.lock().unwrap(), requested, "{events:?}");
        assert_eq!(events.len(), failures, "{events:?}");
    }
}

#[test]
fn the_rest_of_a_file_of_unknown_size_may_be_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[Answer::Good]);
    let file = download_of_unknown_size(folder.path(), &[&server.url]);
    fs::create_dir(folder.path().join("set")).unwrap();
    // All bytes arrived before the process died.
    fs::write(file.part_path(), content()).unwrap();
    get(&file, &fast_retries()).0.unwrap();
    assert_complete(&file);
    assert!(server.requested.lock().unwrap().is_empty());
    // A complete file is not requested, and one with other contents is replaced.
    assert_eq!(get(&file, &fast_retries()).1, ["present"]);
    fs::write(&file.path, "other").unwrap();
    // So are the bytes of a longer file.
    fs::write(file.part_path(), vec![9; SIZE + 10]).unwrap();
    get(&file, &fast_retries()).0.unwrap();
    assert_complete(&file);
    assert_eq!(*server.requested.lock().unwrap(), [SIZE + 10, 0]);
}

#[test]
fn wrong_contents_of_unknown_size_are_never_kept() {
    for answer in [Answer::Wrong, Answer::ChunkedWrong, Answer::Unsized(SIZE - 1), Answer::Unsized(0)] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(&[answer]);
        let file = download_of_unknown_size(folder.path(), &[&server.url]);
        let (done, _) = get(&file, &fast_retries());
        let error = done.unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("wrong contents: the SHA-256 is ") && message.contains("one that begins with"),
            "{message}"
        );
        assert!(!message.contains('\n') && !error.is_user_error(), "{message}");
        assert!(names(&folder.path().join("set")).is_empty());
        assert!(server.requested.lock().unwrap().len() <= 4);
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (silent, good) = (server(&[Answer::Silence]), server(&[Answer::Good]));
    let file = download(folder.path(), &[&silent.url, &good.url]);
    let options = Options { timeout: Duration::from_millis(300), max_attempts: 2, ..fast_retries() };
    let (done, events) = get(&file, &options);
    done.unwrap();
    assert_complete(&file);
    assert!(events.iter().any(|line| line.contains("no answer") && line.ends_with("mirror")), "{events:?}");
}

#[test]
fn if_all_mirrors_fail_all_are_listed_and_no_wrong_file_remains() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("http://{closed}/file");
    let (missing, wrong, broken) =
        (server(&[Answer::Status(404)]), server(&[Answer::Wrong]), server(&[Answer::Status(503)]));
    let file = download(folder.path(), &[&refused, &missing.url, &wrong.url, &broken.url]);
    // A damaged file exists. It is kept, because no better one arrives.
    fs::create_dir(folder.path().join("set")).unwrap();
    fs::write(&file.path, "half").unwrap();
    let (done, _) = get(&file, &fast_retries());
    let message = done.unwrap_err().to_string();
    for expected in
        [&refused, "no connection", &missing.url, "404", &wrong.url, "SHA-256", "503", "(4 times)", "by hand"]
    {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(!message.contains('\n'));
    assert_eq!(broken.requested.lock().unwrap().len(), 4);
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "half");
    assert_eq!(names(&folder.path().join("set")), ["file.gz"]);

    let good = server(&[Answer::Good]);
    let file = download(folder.path(), &[&good.url]);
    get(&file, &fast_retries()).0.unwrap();
    assert_complete(&file);
    // A complete file is not requested again.
    let (done, events) = get(&file, &fast_retries());
    done.unwrap();
    assert_eq!((events, good.requested.lock().unwrap().len()), (vec!["present".to_owned()], 1));
}

#[test]
fn a_stopped_download_keeps_its_bytes_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[Answer::Good]);
    let file = download(folder.path(), &[&server.url]);
    let mut kept = 0;
    let stopped = fetch(std::slice::from_ref(&file), &fast_retries(), |_, event| match event {
        Event::Bytes { done, .. } if done > 0 => {
            kept = done;
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(&stopped, Err(Error::Stopped(name)) if name == "file.gz"), "{stopped:?}");
    assert!(kept > 0 && fs::metadata(file.part_path()).unwrap().len() == kept && !file.path.exists());
    get(&file, &fast_retries()).0.unwrap();
    assert_complete(&file);
    assert_eq!(*server.requested.lock().unwrap(), [0, kept as usize]);

    // The checksum reveals a partial file with wrong bytes, and the download restarts.
    fs::remove_file(&file.path).unwrap();
    fs::write(file.part_path(), vec![9; 1000]).unwrap();
    get(&file, &fast_retries()).0.unwrap();
    assert_complete(&file);
}

#[test]
fn invalid_urls_and_occupied_paths_are_user_errors() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |path: Option<PathBuf>, url: &str| {
        let mut file = download(folder.path(), &[url]);
        file.path = path.unwrap_or(file.path);
        let error = get(&file, &fast_retries()).0.unwrap_err();
        assert!(error.is_user_error() && !error.to_string().contains('\n'), "{error}");
    };
    for url in ["", "mnist", "ftp://example.org/x", "http://", "file:///etc/passwd"] {
        fails(None, url);
    }
    fails(Some(folder.path().to_path_buf()), "http://127.0.0.1:9/x");
    let file = download(folder.path(), &["http://127.0.0.1:9/x"]);
    fs::create_dir_all(file.part_path()).unwrap();
    fails(None, "http://127.0.0.1:9/x");
}
