use std::path::{Path, PathBuf};

use ndarray::{ArrayD, array};
use proptest::prelude::*;

use super::input::Input;
use super::pickle::{Pickle, Value};
use super::{StateDict, outline};

/// A file that `tests/golden/make_torch_files.py` wrote.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/torch").join(name)
}

/// 0, 1/4, 2/4, ...
fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let count: usize = shape.iter().product();
    ArrayD::from_shape_vec(shape, (0_u8..).take(count).map(|k| f32::from(k) / 4.0).collect()).unwrap()
}

/// The message of a file that is refused. It is one line, and names the file.
fn refused(path: &Path, bytes: &[u8]) -> String {
    let error = StateDict::parse(path, bytes.to_vec()).unwrap_err();
    assert!(error.is_user_error());
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot read '{}': ", path.display())) && !message.contains('\n'),
        "{message}"
    );
    message
}

fn refused_golden(name: &str) -> String {
    refused(&golden(name), &std::fs::read(golden(name)).unwrap())
}

#[test]
fn tensors_of_all_formats_are_read() {
    for name in ["zip.pth", "legacy.pth", "tensors.safetensors"] {
        let mut dict = StateDict::read(&golden(name)).unwrap();
        assert_eq!(dict.names().count(), 15, "{name}");
        assert_eq!(dict.take("matrix", &[2, 3]).unwrap(), numbers(&[2, 3]));
        assert_eq!(dict.take("transposed", &[3, 2]).unwrap(), numbers(&[2, 3]).reversed_axes());
        for of in ["parameter", "tagged", "tagged_parameter"] {
            assert_eq!(dict.take(of, &[4]).unwrap(), numbers(&[4]));
        }
        assert_eq!(dict.take("first", &[2, 3]).unwrap(), numbers(&[2, 3]));
        assert_eq!(dict.take("second", &[2, 3]).unwrap(), numbers(&[2, 3]) + 1.5);
        assert_eq!(dict.take("column", &[4]).unwrap(), array![0.25, 1.0, 1.75, 2.5].into_dyn());
        assert_eq!(dict.take("scalar", &[]).unwrap(), ndarray::arr0(0.75).into_dyn());
        assert_eq!(dict.take("empty", &[0, 3]).unwrap().len(), 0);
        assert_eq!(dict.shape("double"), Some(&[2][..]));
        for (of, dtype) in [("double", "float64"), ("half", "float16"), ("bfloat16", "bfloat16")] {
            let message = dict.take(of, &[2]).unwrap_err().to_string();
            assert!(
                message.ends_with(&format!("tensor `{of}` is {dtype}; save it as float32, with .float()")),
                "{message}"
            );
            assert!(dict.discard(of) && !dict.discard(of));
        }
        let message = dict.finish().unwrap_err().to_string();
        assert!(message.contains(": tensors `counts`, `flags` do not belong to this network"), "{message}");
    }
    let read = StateDict::read(&golden("protocol4.pth")).unwrap().take("matrix", &[2, 3]).unwrap();
    assert_eq!(read, numbers(&[2, 3]));
}

#[test]
fn the_prefix_of_data_parallel_is_removed_and_counters_are_left_out() {
    let mut dict = StateDict::read(&golden("module.pth")).unwrap();
    let names: Vec<_> = dict.names().collect();
    assert_eq!(names, ["0.bias", "0.weight", "1.bias", "1.running_mean", "1.running_var", "1.weight"]);
    let mut norm = dict.split_off("1.");
    assert_eq!(norm.take("running_var", &[3]).unwrap(), array![1.0_f32, 1.0, 1.0].into_dyn());
    assert_eq!((norm.names().count(), dict.names().count()), (3, 2));
}

#[test]
fn metadata_and_digest_of_a_file_are_known() {
    let dict = StateDict::read(&golden("tensors.safetensors")).unwrap();
    assert_eq!((dict.metadata("note"), dict.metadata("other")), (Some("text"), None));
    use sha2::Digest;
    let digest = gtn_io::hex(sha2::Sha256::digest(std::fs::read(dict.path()).unwrap()));
    assert_eq!(dict.sha256(), digest);
}

#[test]
fn what_a_network_does_not_find_is_named() {
    let mut dict = StateDict::read(&golden("zip.pth")).unwrap();
    let message = dict.take("matrx", &[2, 3]).unwrap_err().to_string();
    assert!(message.contains("tensor `matrx` is missing (did you mean `matrix`?)"), "{message}");
    let message = dict.take("matrix", &[3, 2]).unwrap_err().to_string();
    assert!(message.contains("tensor `matrix` has shape [2, 3], expected [3, 2]"), "{message}");
    assert!(dict.take("matrix", &[2, 3]).is_ok() && dict.take("matrix", &[2, 3]).is_err());
}

#[test]
fn code_is_refused_by_name_and_not_executed() {
    for (name, callable) in
        [("code.pth", "posix.system"), ("code_legacy.pth", "posix.system"), ("network.pth", "__main__.Net")]
    {
        let message = refused_golden(name);
        let expected = format!("it asks for the Python code `{callable}`, and nothing in it was executed");
        assert!(message.contains(&expected), "{message}");
    }
    let message = refused_golden("script.pth");
    assert!(message.contains("TorchScript"), "{message}");
}

#[test]
fn other_content_than_a_state_dict_is_described() {
    for (name, expected) in [
        ("checkpoint.pth", "in which `state_dict` is a dictionary, instead of a state dict; save the state dict alone"),
        ("entry.pth", "`epoch` is an integer, not a tensor"),
        ("tensor.pth", "it contains a tensor instead of a state dict"),
        ("list.pth", "it contains a list instead of a state dict"),
        ("expanded.pth", "tensor `matrix`: its shape [2, 1000] repeats the 2 values of its storage"),
    ] {
        let message = refused_golden(name);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn foreign_files_are_refused() {
    let of = |bytes: &[u8]| refused(Path::new("x.pth"), bytes);
    for (bytes, expected) in [
        (&b""[..], "it is empty"),
        (b"<!DOCTYPE html>", "not a file of PyTorch (it starts with \"<!DOCTYP\")"),
        (b"\x80\x02}q\x00.", "it is a pickle, but not one of torch.save"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"PK\x03\x04", "its zip archive is incomplete"),
    ] {
        let message = of(bytes);
        assert!(message.contains(expected), "{message}");
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("weights.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let message = of(&bytes);
    assert!(message.contains("it has no data.pkl"), "{message}");
    let message = StateDict::read(Path::new("missing.pth")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read 'missing.pth': "), "{message}");
}

/// The legacy file with a change of its only occurrence of some bytes.
fn with(change: (&[u8], &[u8])) -> Vec<u8> {
    let bytes = std::fs::read(golden("legacy.pth")).unwrap();
    let at = bytes.windows(change.0.len()).position(|window| window == change.0).unwrap();
    [&bytes[..at], change.1, &bytes[at + change.0.len()..]].concat()
}

#[test]
fn tensors_outside_of_their_storage_are_refused() {
    // The first tensor: offset 0, shape (2, 3), strides (3, 1).
    let shape: &[u8] = b"QK\x00K\x02K\x03\x86q";
    for changed in [
        &b"QK\x01K\x02K\x03\x86q"[..],                    // an offset
        b"QK\x00K\x02K\x04\x86q",                         // a shape
        b"QK\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86q", // more values than a file can have
        b"QK\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x86q", // an overflow
        b"QJ\xff\xff\xff\xffK\x02K\x03\x86q",             // a negative offset
    ] {
        let message = refused(Path::new("x.pth"), &with((shape, changed)));
        assert!(message.contains("`matrix`"), "{message}");
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for name in ["zip.pth", "legacy.pth", "tensors.safetensors"] {
        let bytes = std::fs::read(golden(name)).unwrap();
        for end in 0..bytes.len() {
            refused(Path::new("x.pth"), &bytes[..end]);
        }
    }
}

#[test]
fn views_of_the_legacy_format_are_parts_of_their_storage() {
    // ("storage", FloatStorage, "key", "cpu", 12, view), and a vector of 3 values from the second value of the view.
    let read = |view: &[u8]| {
        let bytes = [
            b"\x80\x02}U\x06vectorctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x03keyU\x03cpuK\x0c",
            view,
            b"tQK\x01K\x03\x85K\x01\x85tRs.",
        ];
        let bytes = bytes.concat();
        let pickle = Pickle::read(&mut Input::new(&bytes)).unwrap();
        let (name, tensor) = outline::state_dict(&pickle).unwrap().pop().unwrap();
        assert_eq!((name, tensor.storage.key), ("vector", "key"));
        tensor.locate(100, 48).map(|location| (location.start, location.shape))
    };
    assert_eq!(read(b"N"), Ok((104, vec![3])));
    assert_eq!(read(b"U\x04viewK\x02K\x04\x87"), Ok((112, vec![3])));
    assert!(read(b"U\x04viewK\x02K\x03\x87").unwrap_err().contains("exceeds the 3 values"));
    assert!(read(b"U\x04viewK\x0aK\x04\x87").unwrap_err().contains("outside of its storage"));
}

#[test]
fn a_dictionary_of_python_2_is_read() {
    let bytes = b"\x80\x02ccollections\nOrderedDict\n]]U\x01aaK\x01aa\x85R.";
    let pickle = Pickle::read(&mut Input::new(bytes)).unwrap();
    let Value::Dict(entries) = pickle.value(pickle.root()) else { panic!("it is a dictionary") };
    let [(key, value)] = entries[..] else { panic!("it has an entry") };
    assert_eq!((pickle.text(key), pickle.index(value)), (Some("a"), Some(1)));
}

/// Reads bytes and takes all tensors, which must not panic.
fn try_to_read(bytes: Vec<u8>) {
    if let Ok(mut dict) = StateDict::parse(Path::new("x.pth"), bytes) {
        let names: Vec<String> = dict.names().map(str::to_owned).collect();
        for name in names {
            let shape = dict.shape(&name).unwrap().to_vec();
            let _ = dict.take(&name, &shape);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_never_panics(
        name in prop_oneof![Just("zip.pth"), Just("legacy.pth"), Just("tensors.safetensors"), Just("protocol4.pth")],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = std::fs::read(golden(name)).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        try_to_read(bytes);
    }

    #[test]
    fn a_damaged_pickle_never_panics(
        at in any::<prop::sample::Index>(),
        inserted in prop::collection::vec(any::<u8>(), 0..12),
        removed in 0..12_usize,
    ) {
        let mut bytes = std::fs::read(golden("legacy.pth")).unwrap();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + removed).min(bytes.len()), inserted);
        try_to_read(bytes);
    }

    #[test]
    fn arbitrary_instructions_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Pickle::read(&mut Input::new(&bytes));
    }
}

#[test]
fn nested_values_take_memory_in_proportion_to_the_file() {
    // Each instruction pairs the last tuple with itself. Copies would double in size 100,000 times.
    let mut bytes = b"\x80\x02)".to_vec();
    bytes.extend_from_slice(&b"2\x86".repeat(100_000));
    bytes.push(b'.');
    assert!(Pickle::read(&mut Input::new(&bytes)).is_ok());
    // A length of four gigabytes allocates nothing.
    assert!(Pickle::read(&mut Input::new(b"\x80\x02X\xff\xff\xff\xff")).is_err());
}
