//! `gtn data fetch` from a local server.

mod program;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use program::gtn;

/// Serves the files of a folder; a missing file is a 404.
fn server(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mnist/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _ = reader.read_line(&mut line);
            while reader.read_line(&mut String::new()).is_ok_and(|read| read > 2) {}
            let name = line.split_whitespace().nth(1).and_then(|path| path.strip_prefix("/mnist/")).unwrap_or("none");
            let _ = match fs::read(folder.join(name)) {
                Ok(bytes) => {
                    let head =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
                    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes))
                }
                Err(_) => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            };
        }
    });
    url
}

#[test]
fn without_a_working_mirror_each_one_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (server(folder.path().join("none")), server(folder.path().join("none")));
    let data = folder.path().join("datasets");
    let fetch = || gtn().args(["data", "fetch", "mnist", "--data-dir"]).arg(&data);
    let message = fetch().args(["--mirror", &first, "--mirror", &second]).failed("404");
    assert!(message.contains(&first) && message.contains(&second) && message.contains("by hand"), "{message}");
    assert!(!data.exists());
    fetch().args(["--mirror", "mnist"]).refused_in_one_line("https://example.org/mnist/");
    // Data other than MNIST's are not overwritten.
    gtn_tests::write_toy_mnist(&data.join("mnist"), 20).unwrap();
    fetch().args(["--mirror", &first]).refused_in_one_line("not overwritten");
    let reproduce = gtn().args(["reproduce", "mnist", "--data-dir"]).arg(folder.path().join("elsewhere"));
    reproduce.refused("gtn data fetch mnist");
}

#[cfg(not(feature = "hub"))]
#[test]
fn a_build_without_the_hub_names_the_command_that_has_it() {
    let fetch = gtn().args(["data", "fetch", "mnist", "--from", "hub"]);
    fetch.refused_in_one_line("`cargo xtask fetch mnist --from hub`");
}

#[test]
fn the_real_files_are_downloaded() {
    let Some(real) = gtn_tests::data_dir("the_real_files_are_downloaded") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mirror = server(real.join("mnist"));
    let fetch = || {
        let call = gtn().args(["data", "fetch", "mnist", "--mirror", &mirror, "--data-dir"]);
        call.arg(folder.path()).done()
    };
    let (stdout, stderr) = fetch();
    assert_eq!(stdout.trim(), folder.path().join("mnist").to_str().unwrap());
    assert!(stderr.contains("downloaded 4 of 4 files"), "{stderr}");
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(folder.path()).done();
    // Only a damaged file is downloaded again.
    let path = folder.path().join("mnist/t10k-labels-idx1-ubyte.gz");
    fs::write(&path, "half").unwrap();
    assert!(fetch().1.contains("downloaded 1 of 4 files"));
    assert!(fetch().1.contains("downloaded 0 of 4 files"));
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(folder.path()).done();
}
