//! `cargo xtask words`: fails if a word that the project has retired is used again. `docs/style.md` has the words to use.

use std::path::Path;
use std::process::{Command, ExitCode};

use regex_lite::Regex;

/// The patterns, one per line: `PATTERN => REPLACEMENT`, with ` | only PATH,...` or ` | except PATH,...` after it. A path is the
/// beginning of a file's path.
const LIST: &str = include_str!("../../docs/retired-words.txt");

/// Files that are not searched: the list itself, the guide that explains it, licenses, and what other programs write.
const EXCLUDED: [&str; 7] = [
    "docs/retired-words.txt",
    "docs/style.md",
    "xtask/src/words.rs",
    "CHANGELOG.md",
    "LICENSE",
    "Cargo.lock",
    "proptest-regressions",
];
const ENDINGS: [&str; 11] = ["rs", "md", "toml", "py", "sh", "cpp", "cu", "h", "css", "txt", "yml"];

struct Rule {
    pattern: Regex,
    replacement: &'static str,
    only: Vec<&'static str>,
    except: Vec<&'static str>,
}

impl Rule {
    fn parse(line: &'static str) -> Result<Self, String> {
        let (rule, paths) = line.split_once(" | ").unwrap_or((line, ""));
        let (pattern, replacement) = rule.split_once(" => ").ok_or_else(|| format!("`{line}` has no ` => `"))?;
        let pattern = Regex::new(pattern.trim()).map_err(|error| format!("`{pattern}`: {error}"))?;
        let list = |prefix: &str| {
            let paths = paths.trim().strip_prefix(prefix).unwrap_or_default();
            paths.split(',').map(str::trim).filter(|path| !path.is_empty()).collect::<Vec<_>>()
        };
        Ok(Self { pattern, replacement: replacement.trim(), only: list("only "), except: list("except ") })
    }

    fn applies_to(&self, path: &str) -> bool {
        let is_in = |paths: &[&str]| paths.iter().any(|prefix| path.starts_with(prefix));
        (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.except)
    }
}

fn rules() -> Result<Vec<Rule>, String> {
    let lines = LIST.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Rule::parse).collect()
}

/// Searches the files that git tracks in `root`, prints each use, and fails if there is one.
pub(crate) fn run(root: &Path) -> ExitCode {
    match search(root) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(uses) => {
            eprintln!("error: {uses} uses of retired words; docs/style.md has the words to use instead");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: cannot search {} for retired words: {error}", root.display());
            ExitCode::FAILURE
        }
    }
}

fn search(root: &Path) -> Result<usize, String> {
    let rules = rules()?;
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().map_err(|e| e.to_string())?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut uses = 0;
    for path in listed.split('\0').filter(|path| is_searched(path)) {
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        for rule in rules.iter().filter(|rule| rule.applies_to(path)) {
            for found in rule.pattern.find_iter(&text) {
                let line = text[..found.start()].matches('\n').count() + 1;
                let word = found.as_str().trim().replace('\n', " ");
                eprintln!("{path}:{line}: `{word}` is retired; write {}", rule.replacement);
                uses += 1;
            }
        }
    }
    Ok(uses)
}

fn is_searched(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.contains(&ending) && !EXCLUDED.iter().any(|excluded| path.contains(excluded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_read_and_does_not_match_its_replacement() {
        let rules = rules().unwrap();
        assert!(rules.len() > 50);
        for rule in rules {
            assert!(!rule.pattern.is_match(rule.replacement), "{} => {}", rule.pattern, rule.replacement);
        }
    }

    #[test]
    fn rules_apply_to_paths() {
        let rule = Rule::parse(r"\bcrowds?\b => near-tie cluster | only crates/gtn-label").unwrap();
        assert!(rule.applies_to("crates/gtn-label/src/engine.rs") && !rule.applies_to("README.md"));
        assert!(rule.pattern.is_match("a crowd of") && !rule.pattern.is_match("crowded"));
        let rule = Rule::parse(r#""ways" => interpolations | except crates/gtn-models/src/purpose.rs, tests"#).unwrap();
        assert!(!rule.applies_to("crates/gtn-models/src/purpose.rs") && !rule.applies_to("tests/a.rs"));
        assert!(Rule::parse("no arrow").is_err());
    }

    #[test]
    fn sources_and_documents_are_searched() {
        for path in
            ["README.md", "crates/gtn-run/src/lib.rs", "crates/gtn-train/presets/mnist.toml", "tests/gpu/run.sh"]
        {
            assert!(is_searched(path), "{path}");
        }
        for path in ["docs/style.md", "Cargo.lock", "docs/images/mnist.png", "LICENSE-MIT", "docs/retired-words.txt"] {
            assert!(!is_searched(path), "{path}");
        }
    }
}
