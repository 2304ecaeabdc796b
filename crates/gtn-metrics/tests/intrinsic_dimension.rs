//! Intrinsic dimensions against scikit-dimension (`tests/golden/make_dimension.py`), and on sets of known dimension.

use std::fs::File;
use std::path::Path;

use gtn_metrics::ndarray::{Array2, Axis, concatenate, s};
use gtn_metrics::rand::{Rng, SeedableRng};
use gtn_metrics::{Error, LikelihoodAverage, LikelihoodForm, Neighborhoods, VarianceRule};
use ndarray_npy::NpzReader;
use rand_chacha::ChaCha8Rng;

fn set(name: &str) -> Array2<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/dimension.npz");
    NpzReader::new(File::open(path).unwrap()).unwrap().by_name(name).unwrap()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected, "{found} instead of {expected}");
}

/// TwoNN without 10% and 5%; maximum likelihood with k = 5 and k = 20, each biased by inverses and by estimates, then unbiased; local PCA
/// with 30 neighbors by the three rules.
struct Golden {
    name: &'static str,
    two_nn: [f64; 2],
    likelihood: [[f64; 4]; 2],
    local_pca: Option<[f64; 3]>,
}

#[test]
fn estimates_are_those_of_scikit_dimension() {
    for golden in [
        Golden {
            name: "ball",
            two_nn: [4.054956811877565, 4.113227775465334],
            likelihood: [
                [4.3501319930746725, 5.280912973570066, 3.2625989948060035, 3.9606847301775496],
                [3.3411618408831676, 3.438942470208992, 3.165311217678791, 3.2579454980927305],
            ],
            local_pca: None,
        },
        Golden {
            name: "roll",
            two_nn: [2.008961939092643, 2.0244680670255146],
            likelihood: [
                [1.9801398125206855, 2.655129000681433, 1.485104859390514, 1.9913467505110747],
                [1.9215538877271217, 2.040818122049512, 1.8204194725835887, 1.933406641941643],
            ],
            local_pca: Some([2.051, 1.038, 1.987]),
        },
        Golden {
            name: "sphere",
            two_nn: [8.95583715164948, 8.862023276399132],
            likelihood: [
                [9.122370235935447, 12.31934634480499, 6.841777676951585, 9.239509758603742],
                [8.742923232067055, 9.280963852850844, 8.282769377747735, 8.79249207112185],
            ],
            local_pca: Some([10.77, 5.101, 9.689]),
        },
        Golden {
            name: "cube",
            two_nn: [14.277433979918055, 14.1439163532624],
            likelihood: [
                [13.294422329717081, 17.432878223114322, 9.970816747287811, 13.074658667335743],
                [12.310202683000563, 12.928552215174658, 11.662297278632114, 12.24810209858652],
            ],
            local_pca: Some([15.926, 7.313, 17.0]),
        },
        Golden {
            name: "curved",
            two_nn: [4.362868607581512, 4.353237703809928],
            likelihood: [
                [3.9662910484496927, 5.322536856182001, 2.9747182863372688, 3.9919026421365014],
                [4.120797824304317, 4.418784984201537, 3.9039137282883005, 4.186217353454087],
            ],
            local_pca: Some([6.376, 3.087, 5.069]),
        },
    ] {
        let rows = set(golden.name);
        let k = if golden.local_pca.is_some() { 30 } else { 20 };
        let found = Neighborhoods::find(rows.view(), k, usize::MAX).unwrap();
        for (discarded, expected) in [0.1, 0.05].into_iter().zip(golden.two_nn) {
            close(found.two_nn(discarded).unwrap().value(), expected);
        }
        let forms = [false, true].into_iter().flat_map(|unbiased| {
            [LikelihoodAverage::Inverses, LikelihoodAverage::Estimates]
                .map(|average| LikelihoodForm { unbiased, average })
        });
        for (k, expected) in [5, 20].into_iter().zip(golden.likelihood) {
            for (form, expected) in forms.clone().zip(expected) {
                close(found.maximum_likelihood(k, form).unwrap().value(), expected);
            }
        }
        let rules = [VarianceRule::AboveFraction(0.05), VarianceRule::Fan, VarianceRule::LargestGap];
        for (rule, expected) in rules.into_iter().zip(golden.local_pca.into_iter().flatten()) {
            close(found.local_pca(30, rule).unwrap().value(), expected);
        }
    }
}

fn estimates(rows: &Array2<f32>) -> [gtn_metrics::DimensionEstimate; 3] {
    let found = Neighborhoods::find(rows.view(), 20, usize::MAX).unwrap();
    [
        found.two_nn(0.1).unwrap(),
        found.maximum_likelihood(20, LikelihoodForm::default()).unwrap(),
        found.local_pca(20, VarianceRule::default()).unwrap(),
    ]
}

#[test]
fn an_interval_contains_its_estimate_and_narrows_with_more_rows() {
    let rows = set("curved");
    let width = |rows: &Array2<f32>| {
        estimates(rows).map(|estimate| {
            let interval = |resamples| estimate.interval(resamples, 0.95, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
            let (low, high) = interval(400);
            assert!(low < estimate.value() && estimate.value() < high, "{low} {} {high}", estimate.value());
            assert_eq!(interval(400), (low, high));
            let (low_of_one, high_of_one) = interval(1);
            assert_eq!(low_of_one, high_of_one);
            high - low
        })
    };
    let (few, many) = (width(&rows.slice(s![..100, ..]).to_owned()), width(&rows));
    assert!(few.iter().zip(&many).all(|(few, many)| few > many), "{few:?} {many:?}");
}

#[test]
fn duplicates_shifts_and_scales_change_nothing() {
    let rows = set("roll");
    let expected = estimates(&rows).map(|estimate| estimate.value());
    let doubled = concatenate![Axis(0), rows, rows.slice(s![..300, ..])];
    assert_eq!(estimates(&doubled).map(|estimate| estimate.value()), expected);
    // A power of two, so that no value is rounded.
    assert_eq!(estimates(&(&rows * 0.25)).map(|estimate| estimate.value()), expected);
    let wider = concatenate![Axis(1), rows, Array2::zeros((rows.nrows(), 4))];
    for (found, expected) in estimates(&wider).iter().zip(expected) {
        close(found.value(), expected);
    }
}

#[test]
fn a_part_of_the_rows_is_enough() {
    let rows = set("sphere");
    let all = Neighborhoods::find(rows.view(), 20, usize::MAX).unwrap();
    let some = Neighborhoods::find(rows.view(), 20, 200).unwrap();
    assert_eq!((all.queries(), some.queries()), (1000, 200));
    let value = |of: &Neighborhoods| of.maximum_likelihood(20, LikelihoodForm::default()).unwrap().value();
    assert!((value(&all) / value(&some) - 1.0).abs() < 0.1);
}

#[test]
fn invalid_settings_and_grids_are_errors() {
    let rows = set("ball");
    let found = Neighborhoods::find(rows.view(), 5, usize::MAX).unwrap();
    for discarded in [-0.1, 1.0, f64::NAN] {
        let error = found.two_nn(discarded).unwrap_err();
        assert!(matches!(error, Error::InvalidFraction { setting: "discarded fraction", .. }), "{error}");
    }
    let biased = LikelihoodForm::default();
    let unbiased = LikelihoodForm { unbiased: true, ..biased };
    for (k, form) in [(0, biased), (1, biased), (2, unbiased), (6, biased)] {
        let error = found.maximum_likelihood(k, form).unwrap_err();
        assert!(matches!(error, Error::InvalidNeighborCount { .. }), "{error}");
    }
    let estimate = found.two_nn(0.1).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert!(matches!(estimate.interval(10, 1.0, &mut rng), Err(Error::InvalidFraction { .. })));
    assert!(matches!(estimate.interval(0, 0.5, &mut rng), Err(Error::ZeroSetting { .. })));
    // The two nearest neighbors of each point of a grid are equally far.
    let grid = Array2::from_shape_fn((16, 2), |(row, column)| [row % 4, row / 4][column] as f32);
    let found = Neighborhoods::find(grid.view(), 2, usize::MAX).unwrap();
    assert_eq!(found.two_nn(0.1).unwrap_err(), Error::EquidistantNeighbors);
    assert_eq!(found.maximum_likelihood(2, biased).unwrap_err(), Error::EquidistantNeighbors);
}

#[test]
fn dimensions_of_uniform_cubes_are_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for d in [1, 2, 5] {
        let rows = Array2::from_shape_simple_fn((2000, d), || rng.random::<f32>());
        // All of these methods are biased by the faces of a cube, the more the higher its dimension.
        for estimate in estimates(&rows) {
            assert!((estimate.value() / d as f64 - 1.0).abs() < 0.12, "{d}: {}", estimate.value());
        }
    }
}
