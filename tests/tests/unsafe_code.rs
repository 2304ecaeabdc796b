//! `docs/robustness.md` lists every file with `unsafe` code.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a source has an `unsafe` block, function or implementation.
fn is_unsafe(text: &str) -> bool {
    let code: String = text.lines().flat_map(|line| [line.split("//").next().unwrap_or_default(), "\n"]).collect();
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("unsafe").any(|(start, word)| {
        let (before, after) = (&code[..start], code[start + word.len()..].trim_start());
        let is_followed = after.starts_with(['{', '('])
            || ["fn ", "impl", "extern ", "trait "].iter().any(|next| after.starts_with(next));
        !before.ends_with(is_part_of_name) && !code[start + word.len()..].starts_with(is_part_of_name) && is_followed
    })
}

#[test]
fn every_file_with_unsafe_code_is_listed_and_no_other() {
    let root = gtn_tests::workspace();
    let document = fs::read_to_string(root.join("docs/robustness.md")).unwrap();
    let table = document.split("## Unsafe code").nth(1).expect("a section on unsafe code");
    let mut files = Vec::new();
    ["crates", "xtask", "tests"].iter().for_each(|folder| sources(&root.join(folder), &mut files));
    // This file has it in strings.
    files.retain(|file| !file.ends_with("tests/unsafe_code.rs"));
    let mut count = 0;
    for file in &files {
        let path = file.strip_prefix(&root).unwrap();
        // Within a row, files of one folder are named without it.
        let is_listed = table.lines().any(|row| {
            let names: Vec<&str> = row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect();
            names.first().is_some_and(|first| {
                let first = Path::new(first).parent().unwrap();
                names.iter().any(|listed| first.join(listed) == path || Path::new(listed) == path)
            })
        });
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(is_listed, is_unsafe(&text), "{}", path.display());
        count += usize::from(is_listed);
    }
    assert!(count >= 13, "{count} files");
}

#[test]
fn unsafe_code_is_told_from_words() {
    assert!(
        is_unsafe("let x = unsafe { f() };") && is_unsafe("unsafe fn f() {}") && is_unsafe("unsafe extern \"C\" {")
    );
    assert!(
        is_unsafe("Ok(unsafe { f() })")
            && is_unsafe("#[unsafe(no_mangle)]")
            && is_unsafe("unsafe impl<T> Send for T {}")
    );
    assert!(!is_unsafe("// unsafe { }") && !is_unsafe("#![allow(unsafe_code)]") && !is_unsafe("if is_unsafe(x) {"));
}
