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
    let url = format!("http://{}/files/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _ = reader.read_line(&mut line);
            while reader.read_line(&mut String::new()).is_ok_and(|read| read > 2) {}
            let name = line.split_whitespace().nth(1).and_then(|path| path.strip_prefix("/files/")).unwrap_or("none");
            let _ = match fs::read(folder.join(name)) {
                Ok(bytes) => {
                    let head =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
                    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes))
                }
                Err(_) => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
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

/// Short texts whose SHA-256 begin with the digits in the names of the weights, as found by trying.
const WEIGHTS: [(&str, &str); 2] = [
    ("pt_inception-2015-12-05-6726825d.pth", "gtn 00013ccab034"),
    ("inception_v3_google-0cc3c7bd.pth", "gtn 00003c7c2c04"),
];

#[test]
fn the_weights_of_inception_are_downloaded_and_checked_by_the_digits_in_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("mirror")).unwrap();
    let mirror = server(at("mirror"));
    let fetch = || gtn().args(["data", "fetch", "inception", "--mirror", &mirror, "--data-dir"]).arg(at("data"));
    let check = || gtn().args(["data", "check", "inception", "--data-dir"]).arg(at("data"));
    let inception = at("data/inception");
    fetch().args(["--from", "hub"]).refused_in_one_line("--mirror");
    gtn().args(["data", "fetch", "inception", "--from", "hub"]).refused_in_one_line("omit --from");

    // Nothing exists.
    let message = check().refused_in_one_line("2 of the 2 files of Inception's weights are missing");
    for (name, _) in WEIGHTS {
        assert!(message.contains(name) && message.contains("gtn data fetch inception"), "{message}");
    }
    let message = fetch().failed("404");
    assert!(message.contains("by hand") && !at("data").exists(), "{message}");

    // The mirror has other files of these names.
    for (name, _) in WEIGHTS {
        fs::write(at("mirror").join(name), "<html>").unwrap();
    }
    let message = fetch().failed("wrong contents: the SHA-256 is ");
    assert!(message.contains("expected one that begins with 6726825d"), "{message}");
    assert_eq!(fs::read_dir(&inception).unwrap().count(), 0);

    for (name, text) in WEIGHTS {
        fs::write(at("mirror").join(name), text).unwrap();
    }
    let (stdout, stderr) = fetch().done();
    assert_eq!(stdout.trim(), inception.to_str().unwrap());
    assert!(stderr.contains("downloaded 2 of 2 files"), "{stderr}");
    let (stdout, _) = check().done();
    assert!(stdout.contains("its SHA-256 begins with 6726825d") && stdout.contains("its SHA-256 begins with 0cc3c7bd"));
    for (name, text) in WEIGHTS {
        assert_eq!(fs::read_to_string(inception.join(name)).unwrap(), text);
    }

    // A file with a wrong digest is named, and only it is downloaded again.
    fs::write(inception.join(WEIGHTS[1].0), "half").unwrap();
    check().refused_in_one_line("1 of the 2 files of Inception's weights are missing or wrong");
    let (_, stderr) = fetch().done();
    assert!(stderr.contains("downloaded 1 of 2 files"), "{stderr}");
    check().done();
    // The folder itself may be the data folder.
    gtn().args(["data", "check", "inception", "--data-dir"]).arg(&inception).done();
}
