//! Presets: what they resolve to, and what is refused.

use gtn_run::config::{Data, Drawn, Normalize, Overrides, Pairing, Protocol};
use gtn_run::{Config, Error};

const IMAGES: &str = r#"
    experiment = "toy"
    seed = 1
    dim = 5
    [data]
    set = "mnist"
    train_share = 0.8
    [autoencoder]
    weights = "best"
    training = { epochs = 25, patience = 5, batch = 128, learning_rate = 1e-3, l2 = 1e-5 }
    [label]
    normalize = "center"
    [h]
    hidden_layers = 7
    width = 50
    slope = 0.5
    batch_norm_layers = 7
    training = { epochs = 200, patience = 3, batch = 128, learning_rate = 1e-3 }
    [protocol.repo]
    label.normalize = "as-is"
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
    [label]
    normalize = "standardize"
    pairing = "sorted"
    [h]
    hidden_layers = 4
    width = 6
    slope = 0.5
    batch_norm_layers = 0
    training = { epochs = 500, patience = 3, batch = 250, learning_rate = 1e-3 }
"#;

fn resolve(text: &str, overrides: &Overrides) -> gtn_run::Result<Config> {
    Config::from_preset("toy.toml", text, overrides)
}

fn images(overrides: &Overrides) -> gtn_run::Result<Config> {
    resolve(IMAGES, overrides)
}

#[test]
fn protocol_quick_and_overrides_change_just_what_they_name() {
    let paper = images(&Overrides::default()).unwrap();
    assert_eq!((paper.h.training.epochs, paper.label.normalize, paper.dim), (200, Normalize::Center, 5));
    assert_eq!(paper.label.pairing, Pairing::Greedy);
    assert_eq!(paper.run_name(), "toy-d5-seed1");

    let repo = images(&Overrides { protocol: Some(Protocol::Repo), ..Overrides::default() }).unwrap();
    let mut expected = paper.clone();
    expected.protocol = Protocol::Repo;
    expected.label.normalize = Normalize::AsIs;
    expected.h.training.drop_last = true;
    assert_eq!(repo, expected);
    assert_eq!(repo.run_name(), "toy-d5-seed1-repo");

    let epochs = "autoencoder=2".parse().unwrap();
    let quick = images(&Overrides { quick: true, dim: Some(9), epochs, ..Overrides::default() }).unwrap();
    let autoencoder = |config: &Config| config.autoencoder.as_ref().unwrap().training.epochs;
    assert_eq!((quick.h.training.epochs, autoencoder(&quick), quick.dim), (20, 2, 9));
    assert_eq!(paper.difference(&paper), None);
    assert_eq!(paper.difference(&quick).unwrap(), "autoencoder.training.epochs: 25 there, 2 here");

    let all =
        images(&Overrides { epochs: "3".parse().unwrap(), time_budget: Some(90), ..Overrides::default() }).unwrap();
    assert_eq!((all.h.training.epochs, autoencoder(&all)), (3, 3));
    assert_eq!(all.training_budgets(), (Some(36.0), Some(45.0)));
    assert_eq!(all.run_name(), "toy-d5-seed1-90s");
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
fn another_dimension_of_the_roll_is_paired_as_it_can_be() {
    let resolve = |text: &str, dim| resolve(text, &Overrides { dim: Some(dim), ..Overrides::default() }).unwrap();
    let plane = resolve(POINTS, 2);
    assert_eq!((plane.dim, plane.label.pairing), (2, Pairing::Greedy));
    // There and back, by another preset and by the companion.
    let line = resolve(&plane.to_toml().unwrap(), 1);
    assert_eq!(line, resolve(POINTS, 1));
    assert_eq!(plane.companion().unwrap(), line);
    assert_eq!(line.companion(), None);
}

#[test]
fn a_limit_keeps_the_proportion_and_both_sides() {
    let config = resolve(POINTS, &Overrides { limit: Some(100), ..Overrides::default() }).unwrap();
    let Data::SwissRoll(drawn) = &config.data else { panic!("{config:?}") };
    assert_eq!(drawn.sizes(), (80, 20));
    for limit in 10..2000 {
        for (train, validation) in [(800, 200), (1_000_000, 2), (2, 1_000_000), (2, 2)] {
            let (t, v) = Drawn { train, validation, limit: Some(limit) }.sizes();
            assert!(t >= 2 && v >= 1 && t + v == limit.min(train + validation), "{limit}: {t} {v}");
        }
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    for (text, from, to, words) in [
        (IMAGES, "width = 50", "wdith = 50", ["h:", "`wdith`", "did you mean `width`?"]),
        (IMAGES, "label.normalize = \"as-is\"", "label.normalize = \"as-is\"", ["label:", "", "`normalize`?"]),
        (IMAGES, "h.training.epochs = 20", "h.training.epoch = 20", ["h.training:", "", "`epochs`?"]),
        (IMAGES, "seed = 1", "sed = 1", ["toy.toml: ", "`sed`", "`seed`?"]),
        (IMAGES, "train_share", "train_shar", ["data:", "`train_shar`", "`train_share`?"]),
        (IMAGES, "\"mnist\"", "\"mnits\"", ["data", "`mnits`", "`mnist`?"]),
        (IMAGES, "\"center\"", "\"center\"", ["label.normalize:", "`center`", "`center`?"]),
        (IMAGES, "[protocol.repo]", "[protocol.rep]", ["", "no protocol `rep`", ""]),
        (POINTS, "pairing = \"sorted\"", "pairing = \"sort\"", ["label.pairing:", "`sort`", "`sorted`?"]),
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
fn senseless_settings_are_refused_by_name() {
    for (text, from, to, key) in [
        (IMAGES, "train_share = 0.8", "train_share = 1.0", "data.train_share"),
        (IMAGES, "batch_norm_layers = 7", "batch_norm_layers = 8", "h.batch_norm_layers"),
        (IMAGES, "l2 = 1e-5", "l2 = -1.0", "autoencoder.training.l2"),
        (IMAGES, "patience = 3", "patience = 0", "h.training.patience"),
        (IMAGES, "batch = 128, learning_rate = 1e-3 }", "batch = 1, learning_rate = 1e-3 }", "h.training.batch"),
        (IMAGES, "dim = 5", "dim = 0", "dim"),
        (IMAGES, "slope = 0.5", "slope = inf", "h.slope"),
        (IMAGES, "experiment = \"toy\"", "experiment = \"../toy\"", "experiment"),
        (POINTS, "dim = 1", "dim = 3", "dim"),
        (POINTS, "dim = 1", "dim = 2", "label.pairing"),
        (POINTS, "set = \"swiss-roll\"", "set = \"uniform\"", "dim"),
        (POINTS, "train = 800", "train = 1", "data.train"),
        (POINTS, "train = 800", "train = 100000000000", "data.train"),
        (POINTS, "dim = 1", "dim = 1\ntime_budget = 0", "time_budget"),
        (POINTS, "width = 6", "width = 100000", "h.hidden_layers"),
        (POINTS, "slope = 0.5", "slope = 1e300", "h.slope"),
        (IMAGES, "l2 = 1e-5", "l2 = 1e300", "autoencoder.training.l2"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        match resolve(&changed, &Overrides::default()) {
            Err(Error::Setting { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{to}: {other:?}"),
        }
    }
    for (overrides, word) in [
        (Overrides { epochs: "autoencoder=3".parse().unwrap(), ..Overrides::default() }, "trains no autoencoder"),
        (Overrides { protocol: Some(Protocol::Repo), ..Overrides::default() }, "[protocol.repo]"),
        (Overrides { quick: true, ..Overrides::default() }, "[quick]"),
        (Overrides { limit: Some(3), ..Overrides::default() }, "data.limit"),
    ] {
        let message = resolve(POINTS, &overrides).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    // No autoencoder where there are images, and one where there are none.
    let message = |text: &str| resolve(text, &Overrides::default()).unwrap_err().to_string();
    let without = IMAGES.replace("[autoencoder]\n    weights = \"best\"\n    training", "[label2]\n    training");
    assert!(message(&without).contains("label2"), "{}", message(&without));
    let autoencoder = "[autoencoder]\nweights = \"best\"\n\
        training = { epochs = 1, patience = 1, batch = 2, learning_rate = 1.0 }\n[label]";
    assert!(message(&POINTS.replace("[label]", autoencoder)).contains("autoencoder"));
}
