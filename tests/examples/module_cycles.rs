//! Prints the cycles between the files of crates: `cargo run -p gtn-tests --example module_cycles -- crates/*/src`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::path::Path;

use gtn_tests::ModuleGraph;

fn main() -> std::io::Result<()> {
    for src in std::env::args_os().skip(1) {
        let graph = ModuleGraph::read(Path::new(&src))?;
        println!("== {}", Path::new(&src).display());
        let groups: BTreeSet<BTreeSet<&str>> = graph
            .cycles(&[])
            .iter()
            .flatten()
            .map(|file| {
                let mutual = graph.edges().flat_map(|(from, to, _)| [from, to]);
                mutual.filter(|other| graph.path(file, other).is_some() && graph.path(other, file).is_some()).collect()
            })
            .collect();
        for group in groups {
            println!("{} files reach each other: {}", group.len(), group.iter().copied().collect::<Vec<_>>().join(" "));
            for (from, to, references) in
                graph.edges().filter(|(from, to, _)| group.contains(from) && group.contains(to))
            {
                let items: Vec<String> = references.iter().map(|r| format!("{}:{}", r.item, r.line)).collect();
                println!("  {from} -> {to}: {}", items.join(" "));
            }
            for cycle in graph.cycles(&[]).iter().filter(|cycle| group.contains(cycle[0])) {
                println!("  cycle: {}", graph.describe(cycle));
            }
        }
    }
    Ok(())
}
