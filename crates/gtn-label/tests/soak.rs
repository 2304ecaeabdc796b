//! Many matchings in one process need no more memory than a few.
#![cfg(target_os = "linux")]

use gtn_label::{Matcher, Rows, Strategy};

/// Memory in use by this process in kB.
fn memory_in_use() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Rows between −1 and 1 that differ with `key`.
fn rows(n: usize, dim: usize, key: usize) -> Vec<f32> {
    (0..n * dim).map(|index| ((index * 7919 + key * 104_729) as f32 * 0.618).sin()).collect()
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
#[allow(clippy::print_stdout, reason = "the numbers are the result of this test")]
fn ten_thousand_matchings_need_no_more_memory_than_four_thousand() {
    let strategies = [Strategy::Dense, Strategy::Tree, Strategy::Int8, Strategy::Auto];
    let mut after = Vec::new();
    for matching in 0..10_000 {
        let (n, dim) = (150 + matching % 100, 2 + matching % 7);
        let (source, target) = (rows(n, dim, matching), rows(n + 10, dim, matching + 1));
        let (source, target) = (Rows::new(&source, n, dim).unwrap(), Rows::new(&target, n + 10, dim).unwrap());
        let strategy = strategies[matching % strategies.len()];
        let matched = Matcher::new().strategy(strategy).match_rows(source, target).unwrap();
        assert_eq!(matched.assignment().len(), n);
        if (matching + 1) % 1000 == 0 {
            after.push(memory_in_use());
        }
    }
    println!("memory after each thousand: {after:?} kB");
    assert!(after[9] as f64 <= 1.01 * after[3] as f64, "{after:?}");
}
