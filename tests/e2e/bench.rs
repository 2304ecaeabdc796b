//! `gtn bench train`, on the work that takes least.

mod program;

use program::{Call, gtn};
use serde_json::Value;

fn bench() -> Call {
    gtn().args(["bench", "train", "h-mnist", "--alternations", "1", "--data-dir", "nowhere"])
}

fn json(call: Call) -> (Value, String) {
    let (lines, said) = call.arg("--json").done();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    (serde_json::from_str(&lines).unwrap(), said)
}

#[test]
fn both_kinds_of_operations_are_timed_in_turn() {
    let (found, _) = json(bench());
    assert_eq!(found["work"], "h-mnist");
    for ops in ["gtn", "candle"] {
        assert!(found[ops]["median_seconds"].as_f64().unwrap() > 0.0, "{found}");
        assert_eq!(found[ops]["seconds"].as_array().unwrap().len(), 1, "{found}");
    }
    assert!(found["pytorch"].is_null() && found["floor_seconds"].as_f64().unwrap() > 0.0, "{found}");

    let (table, _) = bench().done();
    assert!(table.contains("| h-mnist ") && table.contains("billion operations a second"), "{table}");
    gtn().args(["bench", "train", "beauty"]).refused("autoencoder-mnist, autoencoder-celeba");
    // Without data there is nothing to load; the rest is timed all the same.
    let (table, said) = gtn().args(["bench", "train", "load", "--data-dir", "nowhere"]).done();
    assert!(said.contains("there is no MNIST in nowhere") && !table.contains("| load"), "{said}{table}");
}

#[cfg(unix)]
#[test]
fn a_twin_is_timed_beside_them_and_left_out_where_it_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let twin = folder.path().join("twin.sh");
    std::fs::write(&twin, "echo ready; while read line; do echo 0.25; done; echo 1000").unwrap();
    let (found, _) = json(bench().args(["--python", "sh", "--twin"]).arg(&twin));
    assert_eq!(
        (&found["pytorch"]["median_seconds"], &found["pytorch"]["peak_memory_bytes"]),
        (&0.25.into(), &1000.into())
    );
    for (python, script) in [("no-such-python", "echo ready"), ("sh", "exit 1")] {
        std::fs::write(&twin, script).unwrap();
        let (found, said) = json(bench().args(["--python", python, "--twin"]).arg(&twin));
        assert!(found["pytorch"].is_null() && said.contains("PyTorch is left out"), "{said}");
    }
    // One that ends while it is timed is a failure, not a measurement.
    std::fs::write(&twin, "echo ready; read line").unwrap();
    bench().args(["--python", "sh", "--twin"]).arg(&twin).failed("ended early");
}
