//! What a report says of the run before it.

use std::fs;

use gtn_report::{previous, write_report};
use gtn_run::RunFolder;
use gtn_run::config::Overrides;

use crate::fixture::{config, run};

const COMMAND: &str = "gtn reproduce mnist";

#[test]
fn a_report_shows_what_changed_since_the_last_run_that_was_begun_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, begun: &str, seed| {
        let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
        let run = run(&folder.path().join(name), &config(&overrides), COMMAND);
        let record = fs::read_to_string(run.config()).unwrap();
        let begun_line = "begun = \"2026-01-02T03:04:05Z\"";
        assert!(record.contains(begun_line));
        fs::write(run.config(), record.replace(begun_line, &format!("begun = \"{begun}\""))).unwrap();
        run
    };
    let first = made("d", "2026-01-02T03:04:05Z", 1);
    let second = made("c", "2026-01-03T00:00:00Z", 2);
    let third = made("b", "2026-02-01T00:00:00Z", 3);
    let copy = made("a", "2026-02-01T00:00:00Z", 3);
    fs::create_dir(folder.path().join("no run")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();

    let name = |run: &RunFolder| previous(run).map(|run| run.root().file_name().unwrap().to_owned());
    assert_eq!(name(&first), None);
    assert_eq!(name(&second).unwrap(), "d");
    assert_eq!(name(&third).unwrap(), "c");
    assert_eq!(name(&copy).unwrap(), "c");

    let report = |run: &RunFolder| fs::read_to_string(write_report(run).unwrap()).unwrap();
    assert!(!report(&first).contains("Since the previous run"));
    let html = report(&second);
    let since = html.split_once("<section id=\"since-the-previous-run\">").unwrap().1;
    let since = since.split("</section>").next().unwrap();
    assert!(since.contains("Settings that differ") && since.contains("seed"), "{since}");
}
