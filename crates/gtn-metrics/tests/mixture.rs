//! The choice of the number of components, and what does not change a mixture.

use std::cell::Cell;

use gtn_metrics::{Error, GaussianMixture, GaussianMixtureParams, MixtureSelection, SampleSet};
use ndarray::{Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Rows around as many centers, far apart, in turn.
fn clusters(n: usize, d: usize, count: usize, seed: u64) -> Array2<f32> {
    let mut rng = rng(seed);
    let centers = Array2::from_shape_simple_fn((count, d), || 12.0 * rng.sample::<f32, _>(StandardNormal));
    Array2::from_shape_fn((n, d), |(i, k)| centers[(i % count, k)] + rng.sample::<f32, _>(StandardNormal))
}

fn fit_best(rows: &Array2<f32>, counts: &[usize], seed: u64) -> Result<MixtureSelection, Error> {
    GaussianMixture::fit_best(rows.view(), counts, GaussianMixtureParams::new(1), &mut rng(seed), &|| false)
}

fn counts(selection: &MixtureSelection) -> Vec<usize> {
    selection.candidates.iter().map(|candidate| candidate.components).collect()
}

#[test]
fn each_row_is_assigned_to_its_cluster() {
    let rows = clusters(400, 3, 4, 1);
    let mixture = GaussianMixture::fit(rows.view(), GaussianMixtureParams::new(4), &mut rng(2)).unwrap();
    let assigned = mixture.assign(rows.view()).unwrap();
    let first = &assigned[..4];
    assert!((0..4).all(|component| first.contains(&component)), "{first:?}");
    assert!(assigned.iter().enumerate().all(|(row, component)| component == &first[row % 4]));
    let columns = Error::WrongColumnCount { set: SampleSet::Single, columns: 2, expected: 3 };
    assert_eq!(mixture.assign(Array2::zeros((5, 2)).view()), Err(columns));
}

#[test]
fn at_least_as_many_components_as_clusters_are_found_and_not_far_more() {
    for count in [1, 2, 3, 5] {
        // A few Gaussians more describe the same clusters almost as well, and can be ahead by chance.
        let counts: Vec<usize> =
            [1, 2, 3, 5, 20, 60, 200].into_iter().filter(|&k| count > 1 || k == 1 || k > 5).collect();
        let best = fit_best(&clusters(1500, 2, count, 7), &counts, 3).unwrap();
        let found = best.mixture.weights().len();
        assert!((count..=2 * count + 1).contains(&found), "{count} clusters: {:?}", best.candidates);
        assert!(best.mixture.converged());
        // The search has ended before the largest number.
        assert!(best.candidates.len() < counts.len(), "{:?}", best.candidates);
        let chosen = best.candidates.iter().find(|candidate| candidate.components == found).unwrap();
        let highest = chosen.held_out_log_likelihood;
        assert!(best.candidates.iter().all(|other| other.held_out_log_likelihood <= highest), "{:?}", best.candidates);
    }
}

#[test]
fn the_order_of_the_counts_does_not_matter() {
    let rows = clusters(300, 2, 3, 1);
    let expected = fit_best(&rows, &[1, 3, 5], 4).unwrap();
    assert_eq!(counts(&expected)[..2], [1, 3]);
    assert_eq!(fit_best(&rows, &[5, 1, 3, 3, 1], 4), Ok(expected));
}

#[test]
fn counts_with_too_few_rows_are_left_out() {
    // 50 rows, of which 45 are fitted. One component of 10 columns needs 20.
    let rows = clusters(50, 10, 3, 1);
    assert_eq!(counts(&fit_best(&rows, &[1, 2, 3], 1).unwrap()), [1, 2]);
    // Only the smallest.
    assert_eq!(counts(&fit_best(&rows, &[5, 4], 1).unwrap()), [4]);
    assert_eq!(counts(&fit_best(&array![[0.0], [1.0]], &[1, 3], 1).unwrap()), [1]);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let rows = clusters(2500, 4, 6, 9);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mixture = GaussianMixture::fit(rows.view(), GaussianMixtureParams::new(8), &mut rng(2)).unwrap();
            (mixture.assign(rows.view()), mixture, fit_best(&rows, &[2, 6, 12], 4).unwrap())
        })
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn stop_ends_a_fit_between_iterations() {
    let rows = clusters(500, 2, 3, 1);
    let calls = Cell::new(0);
    let fit = |limit: usize| {
        calls.set(0);
        let stop = || {
            calls.set(calls.get() + 1);
            calls.get() > limit
        };
        GaussianMixture::fit_best(rows.view(), &[1, 3], GaussianMixtureParams::new(1), &mut rng(1), &stop)
    };
    let complete = fit(usize::MAX).unwrap();
    assert_eq!(Ok(complete), fit_best(&rows, &[1, 3], 1));
    let total = calls.get();
    for limit in 0..total {
        assert_eq!(fit(limit), Err(Error::Stopped));
        assert_eq!(calls.get(), limit + 1);
    }
}

#[test]
fn a_singular_candidate_ends_the_search_unless_it_is_the_first() {
    // Without regularization, a component of equal rows has no density.
    let rows = Array2::from_shape_fn((200, 1), |(i, _)| if i % 4 == 0 { 50.0 } else { (i % 7) as f32 });
    let params = GaussianMixtureParams::new(1).with_regularization(0.0);
    let fit = |counts: &[usize]| GaussianMixture::fit_best(rows.view(), counts, params, &mut rng(1), &|| false);
    let best = fit(&[1, 2]).unwrap();
    assert_eq!((counts(&best), best.mixture.weights().len()), (vec![1], 1));
    assert_eq!(fit(&[2]), Err(Error::SingularCovariance));
}

#[test]
fn invalid_input_is_an_error() {
    let rows = clusters(30, 2, 2, 1);
    assert_eq!(fit_best(&rows, &[], 1), Err(Error::ZeroSetting { setting: "number of candidates" }));
    assert_eq!(fit_best(&rows, &[0, 1], 1), Err(Error::ZeroSetting { setting: "number of components" }));
    assert_eq!(fit_best(&Array2::zeros((0, 2)), &[1], 1), Err(Error::Empty { set: SampleSet::Single }));
    assert_eq!(fit_best(&Array2::zeros((1, 2)), &[1], 1), Err(Error::TooFewSamples { samples: 1 }));
    assert_eq!(fit_best(&Array2::zeros((4, 0)), &[1], 1), Err(Error::NoColumns));
    assert_eq!(fit_best(&rows, &[28], 1), Err(Error::TooFewSamplesForComponents { samples: 27, components: 28 }));
    let bad = array![[0.0], [f32::NAN], [1.0]];
    assert_eq!(fit_best(&bad, &[1], 1), Err(Error::NotFinite { set: SampleSet::Single, row: 1 }));
}
