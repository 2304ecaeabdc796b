//! Downloads from a server on this machine that misbehaves in every way that servers do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gtn_data::fetch::{Download, Error, Event, Next, Options, fetch};
use sha2::{Digest, Sha256};

/// How one request is answered.
#[derive(Clone, Copy)]
enum Answer {
    /// The whole file, or from where the request says.
    Good,
    /// The whole file, whatever the request says.
    NoRange,
    /// So many bytes of what is asked for, then the connection is cut.
    Cut(usize),
    /// Other bytes of the same number.
    Wrong,
    /// More bytes than there should be, of a length that is not told.
    Endless,
    Status(u16),
    /// Nothing, for as long as the client waits.
    Silence,
}

struct Server {
    url: String,
    /// What the requests asked for: the first byte.
    asked: Arc<Mutex<Vec<usize>>>,
}

const SIZE: usize = 300_000;

fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A server that gives these answers in turn, and the last one from then on.
fn server(answers: &[Answer]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (answers, seen) = (answers.to_vec(), Arc::clone(&asked));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let answer = answers[number.min(answers.len() - 1)];
            let seen = Arc::clone(&seen);
            // A client that goes away in the middle is part of the game.
            std::thread::spawn(move || serve(stream, answer, &seen));
        }
    });
    Server { url, asked }
}

fn serve(mut stream: TcpStream, answer: Answer, seen: &Mutex<Vec<usize>>) -> std::io::Result<()> {
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
    seen.lock().unwrap().push(from);
    let content = content();
    let mut give = |from: usize, bytes: &[u8]| {
        let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
        let range = format!("Content-Range: bytes {from}-{}/{SIZE}\r\n", SIZE - 1);
        let range = if from == 0 { "" } else { &range };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n", SIZE - from);
        stream.write_all(head.as_bytes())?;
        stream.write_all(bytes)
    };
    match answer {
        Answer::Good => give(from, &content[from..]),
        Answer::NoRange => give(0, &content),
        Answer::Cut(bytes) => give(from, &content[from..(from + bytes).min(SIZE)]),
        Answer::Wrong => give(from, &vec![7; SIZE - from]),
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&content)?;
            (0..100).try_for_each(|_| stream.write_all(&[1; 4096]))
        }
        Answer::Status(code) => {
            stream.write_all(format!("HTTP/1.1 {code} Whatever\r\nContent-Length: 0\r\n\r\n").as_bytes())
        }
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
    }
}

fn download(folder: &Path, urls: &[&str]) -> Download {
    let sha256 = Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect();
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    Download { path: folder.join("set/file.gz"), size: SIZE as u64, sha256, urls }
}

fn patient() -> Options {
    Options { pause: Duration::from_millis(1), proxy_from_environment: false, ..Options::default() }
}

fn get(file: &Download, options: &Options) -> (Result<(), Error>, Vec<String>) {
    let mut told = Vec::new();
    let done = fetch(std::slice::from_ref(file), options, |_, event| {
        match event {
            Event::Trouble { reason, next, .. } => {
                let next = if next == Next::Mirror { "mirror" } else { "again" };
                told.push(format!("{reason}: {next}"));
            }
            Event::Present => told.push("present".to_owned()),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    (done, told)
}

/// The file is there, whole, and nothing lies beside it.
#[track_caller]
fn assert_whole(file: &Download) {
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
fn a_file_arrives_whatever_goes_wrong_on_the_way() {
    use Answer::{Cut, Endless, Good, NoRange, Status, Wrong};
    for (answers, asked, troubles) in [
        (&[Good][..], &[0][..], 0),
        // Cut off, and gone on with from where it was.
        (&[Cut(100_000), Good], &[0, 100_000], 1),
        (&[Cut(100_000), Cut(50_000), Good], &[0, 100_000, 150_000], 2),
        // Cut off, and the server gives all of it again.
        (&[Cut(100_000), NoRange], &[0, 100_000], 1),
        // A failure that passes.
        (&[Status(503), Status(500), Good], &[0, 0, 0], 2),
        (&[Cut(0), Good], &[0, 0], 1),
        // The second mirror has what the first has not.
        (&[Status(404), Good], &[0, 0], 1),
        (&[Wrong, Good], &[0, 0], 1),
        (&[Endless, Good], &[0, 0], 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(answers);
        // The same server twice: its second answer is the second mirror's where the first has given up.
        let file = download(folder.path(), &[&server.url, &server.url]);
        let (done, told) = get(&file, &patient());
        done.unwrap_or_else(|error| panic!("{asked:?}: {error} {told:?}"));
        assert_whole(&file);
        assert_eq!(*server.asked.lock().unwrap(), asked, "{told:?}");
        assert_eq!(told.len(), troubles, "{told:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (silent, good) = (server(&[Answer::Silence]), server(&[Answer::Good]));
    let file = download(folder.path(), &[&silent.url, &good.url]);
    let options = Options { read_timeout: Duration::from_millis(300), attempts: 2, ..patient() };
    let (done, told) = get(&file, &options);
    done.unwrap();
    assert_whole(&file);
    assert!(told.iter().any(|line| line.contains("no answer") && line.ends_with("mirror")), "{told:?}");
}

#[test]
fn when_no_mirror_gives_it_all_are_listed_and_nothing_false_stays() {
    let folder = tempfile::tempdir().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("http://{gone}/file");
    let (absent, wrong, broken) =
        (server(&[Answer::Status(404)]), server(&[Answer::Wrong]), server(&[Answer::Status(503)]));
    let file = download(folder.path(), &[&refused, &absent.url, &wrong.url, &broken.url]);
    // What is there is damaged, and is not touched for want of a better one.
    fs::create_dir(folder.path().join("set")).unwrap();
    fs::write(&file.path, "half").unwrap();
    let (done, _) = get(&file, &patient());
    let message = done.unwrap_err().to_string();
    for words in [&refused, "no connection", &absent.url, "404", &wrong.url, "SHA-256", "503", "(4 times)", "by hand"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    assert!(!message.contains('\n'));
    assert_eq!(broken.asked.lock().unwrap().len(), 4);
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "half");
    assert_eq!(names(&folder.path().join("set")), ["file.gz"]);

    let good = server(&[Answer::Good]);
    let file = download(folder.path(), &[&good.url]);
    get(&file, &patient()).0.unwrap();
    assert_whole(&file);
    // Whole as it is now, it is not asked for again.
    let (done, told) = get(&file, &patient());
    done.unwrap();
    assert_eq!((told, good.asked.lock().unwrap().len()), (vec!["present".to_owned()], 1));
}

#[test]
fn a_stopped_download_keeps_what_has_come_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[Answer::Good]);
    let file = download(folder.path(), &[&server.url]);
    let stopped = fetch(std::slice::from_ref(&file), &patient(), |_, event| match event {
        Event::Bytes { done, .. } if done > 0 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let Err(Error::Stopped { kept: Some((part, done, total)), .. }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((part, total), (file.part_path(), SIZE as u64));
    assert!(done > 0 && fs::metadata(file.part_path()).unwrap().len() == done && !file.path.exists());
    get(&file, &patient()).0.unwrap();
    assert_whole(&file);
    assert_eq!(*server.asked.lock().unwrap(), [0, done as usize]);

    // A part of something else is found by the checksum, and downloaded anew.
    fs::remove_file(&file.path).unwrap();
    fs::write(file.part_path(), vec![9; 1000]).unwrap();
    get(&file, &patient()).0.unwrap();
    assert_whole(&file);
}

#[test]
fn what_is_no_address_or_lies_in_the_way_is_the_users_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: Option<PathBuf>, url: &str| {
        let mut file = download(folder.path(), &[url]);
        file.path = path.unwrap_or(file.path);
        let error = get(&file, &patient()).0.unwrap_err();
        assert!(error.is_users() && !error.to_string().contains('\n'), "{error}");
    };
    for url in ["", "mnist", "ftp://example.org/x", "http://", "file:///etc/passwd"] {
        refused(None, url);
    }
    refused(Some(folder.path().to_path_buf()), "http://127.0.0.1:9/x");
    let file = download(folder.path(), &["http://127.0.0.1:9/x"]);
    fs::create_dir_all(file.part_path()).unwrap();
    refused(None, "http://127.0.0.1:9/x");
}
