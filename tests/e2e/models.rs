//! Weights in and out of PyTorch, and model files in place of run folders.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use gtn_io::arrays::read_array;
use ndarray::{ArrayD, Axis};
use ndarray_npy::write_npy;
use program::{Call, gtn, toy};

/// A temporary folder with the networks and results that `tests/golden/make_torch.py` wrote.
struct Golden(tempfile::TempDir);

impl Golden {
    fn unpack() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = fs::File::open(gtn_tests::workspace().join("tests/golden/torch_models.zip")).unwrap();
        zip::ZipArchive::new(archive).unwrap().extract(folder.path()).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An array of the results in PyTorch.
    fn array(&self, case: &str, name: &str) -> ArrayD<f32> {
        read_array(Path::new(&format!("{}:{name}", self.path(&format!("{case}.npz")).display()))).unwrap()
    }

    /// `gtn import` of a case, without `--out`.
    fn import(&self, case: &str) -> Call {
        let call = gtn().args(["import", "--torch-h"]).arg(self.path(&format!("{case}.h.pt")));
        let autoencoder = self.path(&format!("{case}.autoencoder.pt"));
        if autoencoder.exists() { call.arg("--torch-autoencoder").arg(autoencoder) } else { call }
    }
}

/// The largest difference divided by the largest value.
fn relative_error(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let max = |array: &ArrayD<f32>| array.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    max(&(found - expected)) / max(expected)
}

#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>) {
    let error = relative_error(found, expected);
    assert!(error <= 1e-5, "{error}");
}

/// The output of `gtn COMMAND MODEL ARGUMENTS --out ...`, as an array.
fn output(command: &str, model: &Path, arguments: &[&str]) -> ArrayD<f32> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.npy");
    gtn().arg(command).arg(model).args(arguments).arg("--out").arg(&out).done();
    read_array(&out).unwrap()
}

/// Both files generate the same samples, to the bit.
#[track_caller]
fn assert_same_samples(a: &Path, b: &Path) {
    let samples = |model: &Path| output("sample", model, &["-n", "70", "--seed", "3"]);
    assert_eq!(samples(a), samples(b));
}

#[test]
fn imported_networks_compute_what_pytorch_computes() {
    let golden = Golden::unpack();
    for (case, described) in [
        ("mnist", "ĥ: 5 → 5, 6 hidden layers of 12, 6 with BatchNorm; images of 1 × 28 × 28"),
        ("points", "ĥ: 2 → 2, 3 hidden layers of 9, 3 with BatchNorm; no autoencoder"),
        ("celeba", "ĥ: 3 → 3, 25 hidden layers of 8, 20 with BatchNorm; images of 3 × 64 × 64"),
        ("hap", "ĥ: 4 → 4, 25 hidden layers of 12, 20 with BatchNorm; images of 3 × 96 × 96"),
    ] {
        let model = golden.path(&format!("{case}-run"));
        let (stdout, stderr) = golden.import(case).arg("--out").arg(&model).done();
        assert_eq!(Path::new(stdout.trim()), model);
        assert_eq!(stderr.lines().next(), Some(described));
        let is_deep = case == "celeba" || case == "hap";
        assert_eq!(stderr.contains("note: the layers fc26 to fc40 are left out"), is_deep, "{stderr}");

        let write = |name: &str| {
            let path = golden.path("in.npy");
            write_npy(&path, &golden.array(case, name)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let latents = output("sample", &model, &["--latent", "--source", &write("source")]);
        assert_close(&latents, &golden.array(case, "latents"));
        if case == "points" {
            continue;
        }
        let decoded = output("decode", &model, &["--latents", &write("latents")]);
        let every_37th = decoded.iter().step_by(37).copied().collect::<Vec<f32>>();
        assert_close(
            &ArrayD::from_shape_vec(vec![every_37th.len()], every_37th).unwrap(),
            &golden.array(case, "decoded"),
        );
        let encoded = output("encode", &model, &["--images", &write("images")]);
        assert_close(&encoded, &golden.array(case, "encoded"));
    }
}

#[test]
fn a_model_survives_export_and_import_to_the_bit() {
    let golden = Golden::unpack();
    for case in ["mnist", "points", "celeba"] {
        let path = |name: &str| golden.path(&format!("{case}-{name}.safetensors"));
        golden.import(case).arg("--out").arg(path("first")).done();
        let export = |format: &str, out: &Path| {
            gtn().arg("export").arg(path("first")).args(["--format", format, "--out"]).arg(out).done();
        };
        export("gtn", &path("again"));
        // Nothing changed, so nor did the bytes.
        assert_eq!(fs::read(path("again")).unwrap(), fs::read(path("first")).unwrap());
        export("torch", &path("torch"));
        gtn().args(["import", "--torch-h"]).arg(path("torch")).arg("--out").arg(path("back")).done();
        assert_same_samples(&path("first"), &path("back"));
        // Both networks may be named, although the file contains both.
        if case != "points" {
            let call = gtn().args(["import", "--torch-h"]).arg(path("torch")).arg("--torch-autoencoder");
            call.arg(path("torch")).arg("--out").arg(path("both")).done();
            assert_same_samples(&path("first"), &path("both"));
        }
        let message = gtn().arg("sample").arg(path("torch")).arg("--out").arg(golden.path("no.npy"));
        message.refused_in_one_line("import it with `gtn import --torch-h` first");
    }
}

#[test]
fn what_shapes_do_not_tell_survives_in_an_exported_file() {
    let golden = Golden::unpack();
    let back = |name: &str, model: &Path| {
        let [torch, back] = ["torch", "back"].map(|kind| golden.path(&format!("{name}-{kind}.safetensors")));
        gtn().arg("export").arg(model).args(["--format", "torch", "--out"]).arg(&torch).done();
        let (_, stderr) = gtn().args(["import", "--torch-h"]).arg(&torch).arg("--out").arg(&back).done();
        assert_same_samples(model, &back);
        stderr
    };
    // More than 25 hidden layers.
    let deep = golden.path("deep.safetensors");
    golden.import("celeba").args(["--hidden-layers", "30", "--out"]).arg(&deep).done();
    assert!(back("deep", &deep).contains("30 hidden layers of 8, 20 with BatchNorm"));
    // Another negative slope.
    let (weights, copy) = (gtn_tests::workspace().join("weights/mnist-d5-paper"), golden.path("weights"));
    fs::create_dir_all(copy.join("checkpoints")).unwrap();
    for name in ["h", "autoencoder"] {
        let name = format!("checkpoints/{name}.best.safetensors");
        fs::copy(weights.join(&name), copy.join(&name)).unwrap();
    }
    let config = fs::read_to_string(weights.join("config.toml")).unwrap();
    fs::write(copy.join("config.toml"), config.replace("negative_slope = 0.5", "negative_slope = 0.3")).unwrap();
    back("slope", &copy);
    let samples = |model: &Path| output("sample", model, &["-n", "5"]);
    assert_ne!(samples(&copy), samples(&weights));
}

/// A run on toy images or on points.
fn reproduce(experiment: &str, data: &Path, run: &Path, arguments: &[&str]) {
    let call = gtn().args(["reproduce", experiment, "--epochs", "1", "--no-tensorboard", "--data-dir"]).arg(data);
    call.args(arguments).arg("--out").arg(run).done();
}

#[test]
fn an_exported_run_generates_the_samples_of_the_run() {
    let (data, folder) = (toy(60), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    for (name, experiment, arguments) in [
        ("mnist", "mnist", &["--protocol", "repo"][..]),
        ("uniform", "uniform", &["--limit", "2400"]),
        ("disjoint-uniform", "disjoint-uniform", &["--limit", "2400"]),
        ("components", "disjoint-uniform", &["--limit", "2400", "--components", "2"]),
        ("flow", "disjoint-uniform", &["--limit", "2400", "--components", "2", "--protocol", "flow", "--quick"]),
        ("swiss-roll", "swiss-roll", &["--limit", "2400"]),
    ] {
        let run = path(name);
        reproduce(experiment, data.path(), &run, arguments);
        let [file, torch, back] = ["gtn", "torch", "back"].map(|kind| path(&format!("{name}-{kind}.safetensors")));
        let (stdout, stderr) = gtn().arg("export").arg(&run).arg("--out").arg(&file).done();
        assert_eq!((Path::new(stdout.trim()), stderr.as_str()), (file.as_path(), ""));
        let (_, stderr) = gtn().arg("export").arg(&run).args(["--format", "torch", "--out"]).arg(&torch).done();
        assert_eq!(stderr.contains("note: the flow is left out"), name == "flow", "{stderr}");
        gtn().args(["import", "--torch-h"]).arg(&torch).arg("--out").arg(&back).done();
        for other in [&file, &back] {
            assert_same_samples(&run, other);
        }
        let card = gtn_run::ModelCard::read(&file).unwrap().unwrap();
        let gtn_run::Origin::Run { config, provenance } = card.origin else { panic!("it comes from a run") };
        assert_eq!((config.experiment.as_str(), provenance.h_epochs), (experiment, Some(1)));
        // Commands that need the records of the run say so.
        gtn().arg("report").arg(&file).refused_in_one_line("is not a run");
    }

    // Under the repo protocol, the encoder and the decoder come from different epochs.
    let (run, file, images) = (path("mnist"), path("mnist-gtn.safetensors"), path("images.npy"));
    gtn().arg("sample").arg(&run).args(["-n", "30", "--out"]).arg(&images).done();
    let images = images.to_str().unwrap();
    let encoded = |model: &Path| output("encode", model, &["--images", images]);
    assert_eq!(encoded(&run), encoded(&file));
    let latents = path("latents.npy");
    write_npy(&latents, &encoded(&run)).unwrap();
    let decoded = |model: &Path| output("decode", model, &["--latents", latents.to_str().unwrap()]);
    assert_eq!(decoded(&run), decoded(&file));
    gtn().arg("interpolate").arg(&file).args(["--rows", "2", "--steps", "3", "--out"]).arg(path("a.png")).done();
    let real = gtn().arg("interpolate").arg(&file).args(["--real", "--out"]).arg(path("b.png"));
    real.refused_in_one_line("is not a run");
    for model in [&run, &file] {
        let evaluate = gtn().args(["evaluate", "--metrics", "recall", "--real", images, "--generated"]).arg(model);
        assert!(evaluate.done().0.contains("recall"));
    }
    let bench = gtn().args(["bench", "sample", "-n", "2", "--json"]).arg(&file).done().0;
    assert!(bench.contains("\"values_per_sample\":784"), "{bench}");

    // Without the last checkpoint, the encoder of the latents is missing.
    fs::remove_file(run.join("checkpoints/autoencoder.last.safetensors")).unwrap();
    let [without, torch, back] =
        ["without", "torch", "back"].map(|name| path(&format!("no-encoder-{name}.safetensors")));
    let (_, stderr) = gtn().arg("export").arg(&run).arg("--out").arg(&without).done();
    assert!(stderr.starts_with("note: the file has no encoder, because ") && stderr.lines().count() == 1, "{stderr}");
    gtn().arg("export").arg(&without).args(["--format", "torch", "--out"]).arg(&torch).done();
    gtn().args(["import", "--torch-h"]).arg(&torch).arg("--out").arg(&back).done();
    for model in [&without, &back] {
        assert_same_samples(&file, model);
        assert_eq!(decoded(&file), decoded(model));
        let encode = gtn().arg("encode").arg(model).args(["--images", images, "--out"]).arg(path("no.npy"));
        encode.refused_in_one_line("autoencoder.last.safetensors");
    }
}

#[test]
fn existing_files_and_folders_are_safe() {
    let golden = Golden::unpack();
    let (model, folder, run) = (golden.path("m.safetensors"), golden.path("imported"), golden.path("run"));
    let import = |out: &Path| golden.import("points").arg("--out").arg(out);
    for out in [&model, &folder] {
        import(out).done();
        import(out).refused_in_one_line("--force");
        import(out).arg("--force").done();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_same_samples(&model, &folder);
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    import(&folder).arg("--force").refused_in_one_line("contains other files");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("config.toml"), "").unwrap();
    import(&run).arg("--force").refused_in_one_line("contains a run");
    import(&golden.path("new.pt")).refused_in_one_line("ends in .safetensors");
    import(&golden.path("nowhere/m.safetensors")).refused_in_one_line("does not exist");

    let export = |out: &str| gtn().arg("export").arg(&model).arg("--out").arg(golden.path(out));
    for out in ["a.pt", "a.pth", "a"] {
        export(out).refused_in_one_line("safetensors.torch.load_file");
    }
    export("m.safetensors").refused_in_one_line("--force");
    export("nowhere/m.safetensors").refused_in_one_line("does not exist");
    gtn().arg("export").arg(&run).arg("--out").arg(golden.path("b.safetensors")).refused_in_one_line("config.toml");
    assert!(!golden.path("b.safetensors").exists());
}

#[test]
fn bad_files_are_refused_in_one_line_and_leave_nothing() {
    let golden = Golden::unpack();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(golden.path(name), bytes).unwrap();
        golden.path(name)
    };
    let (zip, legacy) = (fs::read(golden.path("mnist.h.pt")).unwrap(), fs::read(golden.path("points.h.pt")).unwrap());
    let reader = |name: &str| gtn_tests::workspace().join("tests/golden/torch").join(name);
    let out = golden.path("out");
    let h = |file: &Path| gtn().args(["import", "--torch-h"]).arg(file).arg("--out").arg(&out);
    for (file, word) in [
        (write("truncated.pt", &zip[..zip.len() / 2]), "its zip archive is incomplete"),
        (write("truncated-legacy.pt", &legacy[..legacy.len() - 9]), "it is truncated"),
        (write("page.pt", b"<!DOCTYPE html>"), "not a file of PyTorch"),
        (write("empty.pt", b""), "it is empty"),
        (reader("code.pth"), "it asks for the Python code `posix.system`, and nothing in it was executed"),
        (reader("network.pth"), "`__main__.Net`"),
        (reader("checkpoint.pth"), "`state_dict` is a dictionary"),
        (reader("module.pth"), "tensor `fc1.weight` is missing; layers must be named as in the authors' code"),
        (golden.path("mnist.autoencoder.pt"), "tensor `fc1.weight` is missing"),
        (golden.path("missing.pt"), "cannot read"),
    ] {
        let message = h(&file).refused_in_one_line(word);
        assert!(message.contains(&*file.to_string_lossy()), "{message}");
    }
    // Networks of two models.
    let both = |case: &str, autoencoder: &str| {
        let call = h(&golden.path(&format!("{case}.h.pt"))).arg("--torch-autoencoder");
        call.arg(golden.path(&format!("{autoencoder}.pt")))
    };
    both("mnist", "celeba.autoencoder").refused_in_one_line("its latents have dimension 3, and the output of ĥ in");
    both("mnist", "points.h").refused_in_one_line("tensor `decoder.fc.weight` is missing");
    let layers = |case: &str, layers: &str| h(&golden.path(&format!("{case}.h.pt"))).args(["--hidden-layers", layers]);
    layers("mnist", "7").refused_in_one_line("it has 6 hidden layers, and 7 were requested");
    layers("celeba", "41").refused_in_one_line("it has 40 hidden layers, and 41 were requested");
    layers("points", "2").refused_in_one_line("`fc4.bias`, 1 more do not belong to this network");
    assert!(!out.exists());
    let (_, stderr) = layers("celeba", "40").done();
    assert!(stderr.contains("40 hidden layers of 8") && !stderr.contains("left out"), "{stderr}");

    // Files in place of a model.
    let sample = |model: &Path| gtn().arg("sample").arg(model).arg("--out").arg(golden.path("no.npy"));
    let advice = "pass a run, weights, or a file that `gtn export` or `gtn import` wrote";
    for (file, what) in
        [(golden.path("mnist.h.pt"), "not a safetensors file"), (reader("tensors.safetensors"), "it has no model card")]
    {
        sample(&file).refused_in_one_line(&format!("{what}; {advice}"));
    }
    let model = fs::read(out.join("model.safetensors")).unwrap();
    let mut damaged = model.clone();
    *damaged.last_mut().unwrap() ^= 1;
    sample(&write("damaged.safetensors", &damaged)).refused_in_one_line("its content does not match its checksum");
    sample(&write("half.safetensors", &model[..model.len() / 2])).refused_in_one_line("half.safetensors");
    assert!(!golden.path("no.npy").exists());
}

#[test]
fn a_card_cannot_claim_more_than_the_tensors_hold() {
    let golden = Golden::unpack();
    let path = golden.path("m.safetensors");
    golden.import("mnist").arg("--out").arg(&path).done();
    let original = gtn_io::TensorFile::read(&path).unwrap();
    for (network, key, value) in [
        ("h", "hidden_layers", u64::MAX >> 12),
        ("h", "width", 1 << 40),
        ("h", "output", 1 << 40),
        ("h", "batch_norm_layers", 7),
        ("autoencoder", "side", 1 << 40),
        ("autoencoder", "side", 32),
        ("autoencoder", "channels", 1 << 40),
        ("autoencoder", "dim", 6),
    ] {
        // The checksum is correct.
        let mut file = original.clone();
        file.metadata.get_mut("model_card").unwrap()[network][key] = value.into();
        file.write(&path).unwrap();
        let sample = gtn().arg("sample").arg(&path).arg("--out").arg(golden.path("no.npy"));
        let message = sample.refused_in_one_line("m.safetensors");
        assert!(
            message.contains("has shape") || message.contains("is missing") || message.contains("batch_norm"),
            "{message}"
        );
    }
    let mut file = original.clone();
    file.metadata.get_mut("model_card").unwrap()["format"] = 9.into();
    file.write(&path).unwrap();
    let sample = gtn().arg("sample").arg(&path).arg("--out").arg(golden.path("no.npy"));
    sample.refused_in_one_line("its model card has format 9");
    assert_eq!(original.tensor::<f32>("h.output.weight").unwrap().len_of(Axis(0)), 5);
}
