//! Presets: the configurations that they resolve to, and the errors about invalid ones.

use gtn_run::config::{Data, Normalize, Overrides, PairingMethod, PointSource, Protocol, Synthetic, TrainingTime};
use gtn_run::{Config, Error, Network};

const IMAGES: &str = r#"
    experiment = "toy"
    seed = 1
    dim = 5
    [data]
    set = "mnist"
    train_fraction = 0.8
    [autoencoder]
    weights = "best"
    training = { epochs = 25, patience = 5, batch_size = 128, learning_rate = 1e-3, weight_decay = 1e-5 }
    [pairing]
    normalize = "center"
    [h]
    hidden_layers = 7
    width = 50
    negative_slope = 0.5
    batch_norm_layers = 7
    training = { epochs = 200, patience = 3, batch_size = 128, learning_rate = 1e-3 }
    [protocol.repo]
    pairing.normalize = "none"
    h.training.drop_last = true
    [quick]
    h.training.epochs = 20
"#;

const POINTS: &str = r#"
    experiment = "roll"
    seed = 1
    dim = 1
    [data]
    set = "swiss-roll"
    train = 800
    validation = 200
    [pairing]
    normalize = "standardize"
    method = "sorted"
    [h]
    hidden_layers = 4
    width = 6
    negative_slope = 0.5
    batch_norm_layers = 0
    training = { epochs = 500, patience = 3, batch_size = 250, learning_rate = 1e-3 }
"#;

const DECODER_TRAINING: &str = "{ epochs = 9, patience = 9, batch_size = 64, learning_rate = 1e-3 }";

fn resolve(text: &str, overrides: &Overrides) -> gtn_run::Result<Config> {
    Config::from_preset("toy.toml", text, overrides)
}

fn images(overrides: &Overrides) -> gtn_run::Result<Config> {
    resolve(IMAGES, overrides)
}

#[test]
fn protocol_quick_and_overrides_change_only_what_they_name() {
    let paper = images(&Overrides::default()).unwrap();
    assert_eq!((paper.h.training.epochs, paper.pairing.normalize, paper.dim), (200, Normalize::Center, 5));
    assert_eq!(paper.pairing.method, PairingMethod::Greedy);
    assert_eq!(paper.run_name(), "toy-d5-seed1");

    let repo = images(&Overrides { protocol: Some(Protocol::Repo), ..Overrides::default() }).unwrap();
    let mut expected = paper.clone();
    expected.protocol = Protocol::Repo;
    expected.pairing.normalize = Normalize::None;
    expected.h.training.drop_last = true;
    assert_eq!(repo, expected);
    assert_eq!(repo.run_name(), "toy-d5-seed1-repo");

    let epochs = "autoencoder=2".parse().unwrap();
    let quick = images(&Overrides { quick: true, dim: Some(9), epochs, ..Overrides::default() }).unwrap();
    let autoencoder = |config: &Config| config.autoencoder.as_ref().unwrap().training.epochs;
    assert_eq!((quick.h.training.epochs, autoencoder(&quick), quick.dim), (20, 2, 9));
    assert_eq!(paper.difference(&paper), None);
    assert_eq!(
        paper.difference(&quick).unwrap(),
        "autoencoder.training.epochs is 25 in the folder and 2 in this command"
    );

    let all =
        images(&Overrides { epochs: "3".parse().unwrap(), time_budget: Some(90), ..Overrides::default() }).unwrap();
    assert_eq!((all.h.training.epochs, autoencoder(&all)), (3, 3));
    let time = |network| all.training_time(network).unwrap().seconds(1.0);
    assert_eq!((time(Network::Autoencoder), time(Network::H)), (36.0, 45.0));
    assert_eq!(all.run_name(), "toy-d5-seed1-90s");
}

#[test]
fn autoencoder_and_decoder_have_what_the_other_leaves_of_its_time() {
    let text = format!("{IMAGES}[autoencoder.decoder]\nloss.spectrum = 10\ntraining = {DECODER_TRAINING}");
    let mut config = resolve(&text, &Overrides { time_budget: Some(100), ..Overrides::default() }).unwrap();
    let rounded = |time: Option<TrainingTime>, epoch: f64| time.unwrap().seconds(epoch).round();
    assert_eq!([20.0, 24.0, 30.0].map(|spent| rounded(config.decoder_time(spent), 1.0)), [20.0, 16.0, 16.0]);
    assert_eq!(resolve(&text, &Overrides::default()).unwrap().decoder_time(3.0), None);

    let mut of_autoencoder = |epochs| {
        config.autoencoder.as_mut().unwrap().decoder.as_mut().unwrap().training.epochs = epochs;
        [0.5, 1.0, 2.0, 4.0].map(|epoch| rounded(config.training_time(Network::Autoencoder), epoch))
    };
    assert_eq!(of_autoencoder(10), [37.0, 33.0, 26.0, 24.0]);
    assert_eq!(of_autoencoder(1000), [24.0; 4]);
}

#[test]
fn a_resolved_config_is_a_preset_of_its_own() {
    let overrides = Overrides { protocol: Some(Protocol::Repo), quick: true, limit: Some(100), ..Overrides::default() };
    let config = images(&overrides).unwrap();
    let text = config.to_toml().unwrap();
    assert_eq!(resolve(&text, &Overrides::default()).unwrap(), config);
    assert_eq!(resolve(&text, &Overrides { quick: true, ..Overrides::default() }).unwrap(), config);
    assert_eq!(resolve(&text, &Overrides { seed: Some(7), ..Overrides::default() }).unwrap().seed, 7);
    let refused = resolve(&text, &Overrides { protocol: Some(Protocol::Paper), ..Overrides::default() }).unwrap_err();
    assert!(refused.to_string().contains("resolved for the repo protocol"), "{refused}");
    let text = images(&Overrides::default()).unwrap().to_toml().unwrap();
    let refused = resolve(&text, &Overrides { quick: true, ..Overrides::default() }).unwrap_err();
    assert!(refused.to_string().contains("shortened"), "{refused}");
}

#[test]
fn the_dimension_of_the_swiss_roll_sets_the_pairing_method() {
    let resolve = |text: &str, dim| resolve(text, &Overrides { dim: Some(dim), ..Overrides::default() }).unwrap();
    let plane = resolve(POINTS, 2);
    assert_eq!((plane.dim, plane.pairing.method), (2, PairingMethod::Greedy));
    // Back to one dimension, by an override of the resolved configuration and as the reference run.
    let line = resolve(&plane.to_toml().unwrap(), 1);
    assert_eq!(line, resolve(POINTS, 1));
    assert_eq!(plane.reference_run().unwrap(), line);
    assert_eq!(line.reference_run(), None);
}

#[test]
fn a_limit_keeps_the_proportion_and_both_splits() {
    let config = resolve(POINTS, &Overrides { limit: Some(100), ..Overrides::default() }).unwrap();
    let Data::Points(PointSource::SwissRoll(synthetic)) = &config.data else { panic!("{config:?}") };
    assert_eq!(synthetic.sizes(), (80, 20));
    for limit in 10..2000 {
        for (train, validation) in [(800, 200), (1_000_000, 2), (2, 1_000_000), (2, 2)] {
            let (t, v) = Synthetic { train, validation, limit: Some(limit) }.sizes();
            assert!(t >= 2 && v >= 1 && t + v == limit.min(train + validation), "{limit}: {t} {v}");
        }
    }
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    for (text, from, to, words) in [
        (IMAGES, "width = 50", "wdith = 50", ["h:", "`wdith`", "did you mean `width`?"]),
        (IMAGES, "pairing.normalize = \"none\"", "pairing.normalze = \"none\"", ["pairing:", "", "`normalize`?"]),
        (IMAGES, "h.training.epochs = 20", "h.training.epoch = 20", ["h.training:", "", "`epochs`?"]),
        (IMAGES, "seed = 1", "sed = 1", ["toy.toml: ", "`sed`", "`seed`?"]),
        (IMAGES, "train_fraction", "train_fractio", ["data:", "`train_fractio`", "`train_fraction`?"]),
        (IMAGES, "\"mnist\"", "\"mnits\"", ["data", "`mnits`", "`mnist`?"]),
        (IMAGES, "\"center\"", "\"centr\"", ["pairing.normalize:", "`centr`", "`center`?"]),
        (IMAGES, "[protocol.repo]", "[protocol.rep]", ["", "unknown protocol `rep`", ""]),
        (POINTS, "method = \"sorted\"", "method = \"sort\"", ["pairing.method:", "`sort`", "`sorted`?"]),
        (POINTS, "validation = 200", "validaton = 200", ["data:", "`validaton`", "`validation`?"]),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let message = resolve(&changed, &Overrides::default()).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{to}: {message}");
        assert!(!message.contains('\n'));
    }
}

#[test]
fn invalid_settings_are_refused_by_key() {
    for (text, from, to, key) in [
        (IMAGES, "train_fraction = 0.8", "train_fraction = 1.0", "data.train_fraction"),
        (IMAGES, "batch_norm_layers = 7", "batch_norm_layers = 8", "h.batch_norm_layers"),
        (IMAGES, "weight_decay = 1e-5", "weight_decay = -1.0", "autoencoder.training.weight_decay"),
        (IMAGES, "patience = 3", "patience = 0", "h.training.patience"),
        (
            IMAGES,
            "batch_size = 128, learning_rate = 1e-3 }",
            "batch_size = 1, learning_rate = 1e-3 }",
            "h.training.batch_size",
        ),
        (IMAGES, "dim = 5", "dim = 0", "dim"),
        (IMAGES, "negative_slope = 0.5", "negative_slope = inf", "h.negative_slope"),
        (IMAGES, "experiment = \"toy\"", "experiment = \"../toy\"", "experiment"),
        (POINTS, "dim = 1", "dim = 3", "dim"),
        (POINTS, "dim = 1", "dim = 2", "pairing.method"),
        (POINTS, "set = \"swiss-roll\"", "set = \"uniform\"", "dim"),
        (POINTS, "set = \"swiss-roll\"", "set = \"disjoint-uniform\"", "dim"),
        (POINTS, "train = 800", "train = 1", "data.train"),
        (POINTS, "train = 800", "train = 100000000000", "data.train"),
        (POINTS, "dim = 1", "dim = 1\ntime_budget = 0", "time_budget"),
        (POINTS, "width = 6", "width = 100000", "h.hidden_layers"),
        (POINTS, "negative_slope = 0.5", "negative_slope = 1e300", "h.negative_slope"),
        (IMAGES, "weight_decay = 1e-5", "weight_decay = 1e300", "autoencoder.training.weight_decay"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        match resolve(&changed, &Overrides::default()) {
            Err(Error::Setting { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{to}: {other:?}"),
        }
    }
    for (overrides, word) in [
        (Overrides { epochs: "autoencoder=3".parse().unwrap(), ..Overrides::default() }, "has no autoencoder"),
        (Overrides { protocol: Some(Protocol::Repo), ..Overrides::default() }, "[protocol.repo]"),
        (Overrides { quick: true, ..Overrides::default() }, "[quick]"),
        (Overrides { limit: Some(3), ..Overrides::default() }, "data.limit"),
    ] {
        let message = resolve(POINTS, &overrides).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    // Images without an autoencoder, and points with one.
    let message = |text: &str| resolve(text, &Overrides::default()).unwrap_err().to_string();
    let without = IMAGES.replace("[autoencoder]\n    weights = \"best\"\n    training", "[other]\n    training");
    assert!(message(&without).contains("other"), "{}", message(&without));
    let autoencoder = "[autoencoder]\nweights = \"best\"\n\
        training = { epochs = 1, patience = 1, batch_size = 2, learning_rate = 1.0 }\n[pairing]";
    assert!(message(&POINTS.replace("[pairing]", autoencoder)).contains("autoencoder"));
}
