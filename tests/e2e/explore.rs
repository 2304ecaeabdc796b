//! `gtn explore`: a page that contains the generator, and refuses what it cannot show. What the page does in a browser is tested by
//! tests/explorer.

mod program;

use std::fs;

use program::gtn;

#[test]
fn the_page_has_the_weights_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("digits.html");
    for weights in ["mnist-d5", "mnist-d5-paper"] {
        let weights = gtn_tests::workspace().join("weights").join(weights);
        let call = || gtn().arg("explore").arg(&weights).env_remove("GTN_DATA_DIR").arg("--out").arg(&out);
        let (stdout, stderr) = call().arg("--force").done();
        assert_eq!(stdout.trim(), out.to_str().unwrap());
        assert!(stderr.contains("no principal directions") && stderr.contains(" MB"), "{stderr}");
        let page = fs::read_to_string(&out).unwrap();
        assert!(page.contains("<title>mnist, d = 5</title>") && !page.contains("{{"), "{}", &page[..500]);
        // Nothing is loaded from elsewhere.
        for word in ["src=\"", "href=\"", "http://", "@import", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
        call().refused_in_one_line("--force");
        // The same model gives the same bytes.
        call().arg("--force").done();
        assert_eq!(fs::read_to_string(&out).unwrap(), page);
    }
}

#[test]
fn what_is_no_generator_of_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = path("points");
    gtn().args(["reproduce", "uniform", "--limit", "200", "--epochs", "1", "--out"]).arg(&run).done();
    let explore = |run: &std::path::Path, out: &str| gtn().arg("explore").arg(run).arg("--out").arg(path(out));
    let message = explore(&run, "a.html").refused_in_one_line("no decoder");
    assert!(message.contains("gtn sample") && !path("a.html").exists(), "{message}");
    explore(&run, "a.png").refused_in_one_line(".html");
    explore(&path("missing"), "a.html").refused_in_one_line("missing");
}
