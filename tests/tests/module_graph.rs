//! Which files and crates may know each other: no cycle between the files of a crate, no stage that imports another one, and
//! the order of the crates.

use std::fs;
use std::path::{Path, PathBuf};

use gtn_tests::{ModuleGraph, workspace};

/// Two files that name each other's items: the crate, the files, and the reason.
const TWO_FILE_CYCLES: &[(&str, &str, &str, &str)] = &[];

/// What a crate must not depend on, directly or through other crates of the workspace: names of crates, or what they start with.
const FORBIDDEN_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("gtn-io", &["gtn-", "candle"]),
    ("gtn-label", &["gtn-", "candle"]),
    ("gtn-dist", &["gtn-data", "gtn-models", "gtn-run", "gtn-train", "gtn-report", "candle"]),
    ("gtn-math", &["gtn-", "candle", "rand"]),
    ("gtn-metrics", &["gtn-data", "gtn-models", "gtn-run", "gtn-train", "candle"]),
    ("gtn-data", &["gtn-models", "gtn-run", "gtn-train"]),
    ("gtn-models", &["gtn-data", "gtn-train", "gtn-report"]),
    ("gtn-run", &["gtn-data", "gtn-models", "gtn-train", "gtn-report", "candle"]),
    ("gtn-report", &["gtn-data", "gtn-models", "gtn-train", "candle"]),
    ("gtn-train", &["gtn-report", "gtn-cli"]),
    ("xtask", &["gtn-"]),
];

/// The folders of the crates, by name.
fn crates() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(workspace().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut crates: Vec<_> = folders
        .chain([workspace().join("xtask")])
        .map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_owned(), folder))
        .collect();
    crates.sort();
    crates
}

#[test]
fn files_name_each_other_in_no_cycle() {
    let mut problems = Vec::new();
    for (name, folder) in crates() {
        let graph = ModuleGraph::read(&folder.join("src")).unwrap();
        let allowed: Vec<_> =
            TWO_FILE_CYCLES.iter().filter(|(package, ..)| *package == name).map(|(_, a, b, _)| (*a, *b)).collect();
        for (a, b) in allowed.iter().filter(|(a, b)| !graph.has_edge(a, b) || !graph.has_edge(b, a)) {
            problems.push(format!("{name}: {a} and {b} are no cycle any more; remove them from TWO_FILE_CYCLES"));
        }
        problems.extend(graph.cycles(&allowed).iter().map(|cycle| format!("{name}: {}", graph.describe(cycle))));
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn exceptions_have_a_reason() {
    assert!(TWO_FILE_CYCLES.iter().all(|(.., reason)| reason.len() > 20));
}

/// The stage that a file of gtn-train belongs to.
fn stage(file: &str) -> Option<&str> {
    let path = file.strip_prefix("stages/")?;
    Some(path.split_once('/').map_or(path.trim_end_matches(".rs"), |(folder, _)| folder))
}

#[test]
fn stages_are_known_only_to_the_pipeline() {
    let graph = ModuleGraph::read(&workspace().join("crates/gtn-train/src")).unwrap();
    assert!(graph.edges().any(|(from, to, _)| from == "pipeline.rs" && stage(to).is_some()), "no stage was found");
    let problems: Vec<String> = graph
        .edges()
        .filter(|(from, to, _)| stage(to).is_some() && stage(from) != stage(to) && *from != "pipeline.rs")
        .map(|(from, to, items)| format!("{from} imports `{}` of {to} (line {})", items[0].item, items[0].line))
        .collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The names of a crate's dependencies, without those of its tests.
fn dependencies(folder: &Path) -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn crates_depend_on_each_other_in_one_order() {
    let crates = crates();
    let folder = |name: &str| crates.iter().find(|(other, _)| other == name).map(|(_, folder)| folder);
    for (name, forbidden) in FORBIDDEN_DEPENDENCIES {
        let mut found = dependencies(folder(name).unwrap_or_else(|| panic!("there is no crate {name}")));
        let mut index = 0;
        while index < found.len() {
            if let Some(folder) = folder(&found[index]) {
                found.extend(dependencies(folder));
            }
            index += 1;
        }
        let wrong: Vec<&String> =
            found.iter().filter(|found| forbidden.iter().any(|start| found.starts_with(start))).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
}

/// The graph of a crate with these files.
fn read(files: &[(&str, &str)]) -> std::io::Result<ModuleGraph> {
    let folder = tempfile::tempdir()?;
    for (name, code) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, code)?;
    }
    ModuleGraph::read(folder.path())
}

/// The edges of the graph of a crate with these files, with the names of the items.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let graph = read(files).unwrap();
    let names = |items: &[gtn_tests::Reference]| items.iter().map(|r| r.item.clone()).collect::<Vec<_>>().join(" ");
    graph.edges().map(|(from, to, items)| format!("{from} -> {to}: {}", names(items))).collect()
}

#[test]
fn a_cycle_is_described_with_items_and_lines() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "pub struct B;\n\nfn f() -> crate::a::A { todo!() }"),
        ("c.rs", "use super::a::A;"),
    ])
    .unwrap();
    let cycles: Vec<String> = graph.cycles(&[]).iter().map(|cycle| graph.describe(cycle)).collect();
    assert_eq!(cycles, ["a.rs -> b.rs (because of `B`, line 1) -> a.rs (because of `A`, line 3)"]);
    assert!(graph.cycles(&[("b.rs", "a.rs")]).is_empty());
    assert_eq!(graph.path("c.rs", "b.rs"), Some(vec!["c.rs", "a.rs", "b.rs"]));
}

#[test]
fn an_allowed_pair_does_not_hide_a_longer_cycle() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::{a::A, c::C}; pub struct B;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
    ])
    .unwrap();
    assert!(graph.cycles(&[("a.rs", "b.rs")]).contains(&vec!["a.rs", "b.rs", "c.rs"]));
}

#[test]
fn a_re_export_leads_to_the_file_that_defines_the_item() {
    let files = [
        ("lib.rs", "mod a; mod outer; pub use outer::B;"),
        ("a.rs", "use crate::B; pub struct A; fn f(b: B) {}"),
        ("outer/mod.rs", "mod b; pub use b::*;"),
        ("outer/b.rs", "pub struct B; fn f() { let a = super::super::a::A; }"),
    ];
    assert_eq!(edges(&files), ["a.rs -> outer/b.rs: B", "outer/b.rs -> a.rs: A"]);
}

#[test]
fn declarations_and_re_exports_are_no_edges_but_the_code_of_a_parent_is() {
    let parent = "mod child; pub use child::X; pub(crate) use child::f;";
    let child = ("outer/child.rs", "use super::*; pub struct X; pub fn f(l: Limit) {}");
    let of_child = "outer/child.rs -> outer.rs: Limit";
    for (code, expected) in [
        ("struct Limit;", vec![of_child]),
        ("struct Limit; fn g(f: usize) -> usize { f }", vec![of_child]),
        ("struct Limit; fn g() { f() }", vec!["outer.rs -> outer/child.rs: f", of_child]),
        ("struct Limit; fn g() { child::f() }", vec!["outer.rs -> outer/child.rs: f", of_child]),
        ("struct Limit; impl From<X> for Limit {}", vec!["outer.rs -> outer/child.rs: X", of_child]),
    ] {
        let outer = format!("{parent} {code}");
        assert_eq!(edges(&[("main.rs", "mod outer;"), ("outer.rs", &outer), child]), expected, "{code}");
    }
}

#[test]
fn macros_and_their_arguments_are_read() {
    let files = [
        ("lib.rs", "mod names; mod a; mod b; pub use names::one::KEY;"),
        (
            "names/mod.rs",
            "macro_rules! names { ($($n:ident),*) => { $(pub mod $n { pub const KEY: $crate::b::B = 1; })* } }
             pub(crate) use names;
             names!(one, two);
             mod inner;",
        ),
        ("names/inner.rs", "names!(three);"),
        (
            "a.rs",
            "crate::names::names!(Four); fn f(x: T) { vec![0..LIMIT, x.B]; format!(\"{}\", crate::KEY) } use crate::b::*;",
        ),
        (
            "b.rs",
            "pub type B = u8; pub const LIMIT: u8 = 1; fn f() -> crate::a::Four { assert!(crate::a::Four::new()) }",
        ),
    ];
    assert_eq!(
        edges(&files),
        [
            "a.rs -> b.rs: LIMIT",
            "a.rs -> names/mod.rs: names one",
            "b.rs -> a.rs: Four",
            "names/inner.rs -> names/mod.rs: names",
            "names/mod.rs -> b.rs: B",
        ]
    );
}

#[test]
fn inline_modules_belong_to_their_file_and_tests_are_left_out() {
    let files = [
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod helpers; #[cfg(all(test, unix))] use b::B;"),
        (
            "a.rs",
            "mod inner { pub struct A; impl super::super::b::B {} }\n#[cfg(test)]\nmod tests { use crate::missing::X; }",
        ),
        ("b.rs", "pub struct B; #[cfg(not(test))] use crate::a::inner::A; #[test] fn f() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: B", "b.rs -> a.rs: A"]);
}

#[test]
fn a_path_without_an_item_is_an_error() {
    let error = read(&[("lib.rs", "mod a;"), ("a.rs", "\nuse crate::missing::X;")]).unwrap_err();
    assert_eq!(error.to_string(), "a.rs: cannot resolve `crate::missing::X` in line 2");
}
