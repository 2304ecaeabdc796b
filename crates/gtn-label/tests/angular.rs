//! In the plane, the search by angle returns exactly the matching of the reference.

use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher, Precision, Strategy as By};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod common;
use common::{Cloud, assert_same, cloud, normal, precision, run_in};

fn plane(rows: impl IntoIterator<Item = [f32; 2]>) -> Cloud {
    Cloud { dim: 2, data: rows.into_iter().flatten().collect() }
}

fn sampled(len: usize, seed: u64, mut sample: impl FnMut(&mut ChaCha8Rng) -> [f32; 2]) -> Cloud {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    plane((0..len).map(|_| sample(&mut rng)))
}

fn assert_equals_reference(source: &Cloud, target: &Cloud) {
    for precision in [Precision::Double, Precision::Single] {
        let reference = run_in(precision, By::Reference, source, target);
        assert_same(&run_in(precision, By::Angular, source, target), &reference);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn angular_equals_reference(a in cloud(2, 0..160), b in cloud(2, 0..160), precision in precision()) {
        let (source, target) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let reference = run_in(precision, By::Reference, &source, &target);
        assert_same(&run_in(precision, By::Angular, &source, &target), &reference);
        assert_same(&run_in(precision, By::Auto, &source, &target), &reference);
    }

    #[test]
    fn angular_equals_reference_on_any_bits(
        source in prop::collection::vec(finite_bits(), 0..200),
        target in prop::collection::vec(finite_bits(), 200..400),
        precision in precision(),
    ) {
        let (source, target) = (plane(source), plane(target));
        let reference = run_in(precision, By::Reference, &source, &target);
        assert_same(&run_in(precision, By::Angular, &source, &target), &reference);
    }
}

/// Rows of arbitrary finite values, most of which are very close to an axis.
fn finite_bits() -> impl Strategy<Value = [f32; 2]> {
    let entry = || any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |x| x.is_finite());
    [entry(), entry()]
}

#[test]
fn a_square_against_a_normal_cloud_equals_reference() {
    let square = |len| sampled(len, 3, |rng| [rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)]);
    assert_equals_reference(&normal(3000, 2, 1), &square(3000));
    assert_equals_reference(&normal(700, 2, 2), &square(5000));
}

#[test]
fn a_set_against_itself_equals_reference() {
    let set = normal(3000, 2, 4);
    assert_equals_reference(&set, &set);
}

#[test]
fn lattice_points_equal_reference() {
    for max in [4_i16, 30] {
        let mut draw = |rng: &mut ChaCha8Rng| [(); 2].map(|()| f32::from(rng.random_range(-max..=max)));
        let (source, target) = (sampled(3000, 5, &mut draw), sampled(3000, 6, &mut draw));
        assert_equals_reference(&source, &target);
        assert_equals_reference(&normal(2000, 2, 7), &target);
    }
}

#[test]
fn rows_on_few_rays_equal_reference() {
    // One line through 0, a line of integer multiples, two opposite rays, one of which has few rows, and the axes.
    let mut line = |rng: &mut ChaCha8Rng| [rng.random_range(-1.0..1.0_f32); 2];
    let mut integers = |rng: &mut ChaCha8Rng| {
        let t = f32::from(rng.random_range(-3000_i16..3000));
        [t, -3.0 * t]
    };
    let mut rays = |rng: &mut ChaCha8Rng| {
        let t = rng.random_range(0.5..2.0_f32);
        if rng.random_bool(0.9) { [t, t] } else { [-t, -t] }
    };
    let mut axes = |rng: &mut ChaCha8Rng| {
        let t = rng.random_range(-1.0..1.0_f32);
        if rng.random_bool(0.5) { [t, 0.0] } else { [-0.0, t] }
    };
    let around = normal(1500, 2, 8);
    for draw in [&mut line as &mut dyn FnMut(&mut ChaCha8Rng) -> [f32; 2], &mut integers, &mut rays, &mut axes] {
        let (source, target) = (sampled(1500, 9, &mut *draw), sampled(1500, 10, draw));
        assert_equals_reference(&source, &target);
        assert_equals_reference(&around, &target);
        assert_equals_reference(&source, &around);
    }
}

#[test]
fn narrow_cones_equal_reference() {
    let around = normal(1500, 2, 11);
    for width in [1e-3_f32, 1e-6, 1e-7, 1e-9] {
        // Along an axis, directions are as fine as the values; along the diagonal, they are a few steps of f32 apart.
        let axis = |rng: &mut ChaCha8Rng| {
            let t = rng.random_range(1.0..2.0_f32);
            [t, t * width * rng.random_range(-1.0..1.0)]
        };
        let diagonal = |rng: &mut ChaCha8Rng| {
            let t = rng.random_range(1.0..2.0_f32);
            [-t, t * (1.0 + width * rng.random_range(-1.0..1.0))]
        };
        for (source, target) in [
            (sampled(1500, 12, axis), sampled(1500, 13, axis)),
            (sampled(1500, 14, diagonal), sampled(1500, 15, diagonal)),
        ] {
            assert_equals_reference(&source, &target);
            assert_equals_reference(&around, &target);
        }
    }
}

#[test]
fn zero_rows_rank_between_acute_and_obtuse_angles() {
    let half = |rng: &mut ChaCha8Rng| [f32::from(rng.random_range(-3_i8..=0)), rng.random_range(-1.0..1.0_f32).round()];
    let mut target = sampled(900, 16, half);
    for row in target.data.chunks_mut(2).step_by(3) {
        row.copy_from_slice(&[0.0, -0.0]);
    }
    assert_equals_reference(&normal(900, 2, 17), &target);
    let zero = plane([[0.0, -0.0]; 40]);
    assert_equals_reference(&zero, &target);
    assert_equals_reference(&normal(40, 2, 18), &zero);
    assert_equals_reference(&zero, &zero);
}

/// Multiples of a direction by `scale` times each of `factors`.
fn multiples(direction: [f32; 2], scale: f32, factors: &[f32]) -> Vec<[f32; 2]> {
    factors.iter().map(|factor| direction.map(|entry| entry * factor * scale)).collect()
}

/// Rows of one direction whose scores differ by 6 units of 2⁻⁵³, where the bound allows 8. Half the bound, in either of the two
/// comparisons that use it, is too small for one of these two targets.
#[test]
fn rounding_close_to_the_bound_equals_reference() {
    fn odd<const N: usize>(first: f32) -> [f32; N] {
        std::array::from_fn(|index| first + 2.0 * index as f32)
    }
    let behind = |count: u8| (1..=count).map(|x1| [-1.0, f32::from(x1)]);

    // Sixteen rows that are scored together, one of which scores best; then a row that scores lowest, and one that
    // scores as high as the best and is shorter.
    let along = |scale, factors: &[f32]| multiples([13.0, 2.0], scale, factors);
    let target = along(2.0, &[645_565.0])
        .into_iter()
        .chain(along(1.0, &odd::<5>(645_555.0)))
        .chain(along(1.0, &odd::<10>(645_567.0)))
        .chain(along(1.0, &[645_587.0, 645_601.0]))
        .chain(behind(15));
    let (source, target) = (plane([[0.596_650_5, 0.003_767_431_5]]), plane(target));
    assert_eq!(run_in(Precision::Double, By::Reference, &source, &target).assignment(), [17]);
    assert_equals_reference(&source, &target);

    // Sixteen rows with the higher of two neighboring cosines in f32. Then sixteen of which the first and the last have the
    // higher cosine, and the second to last, the shortest of all, has the lower.
    let along = |scale, factors: &[f32]| multiples([5.0, 5.0], scale, factors);
    let target = along(2.0, &odd::<16>(838_861.0))
        .into_iter()
        .chain(along(1.0, &odd::<14>(838_893.0)))
        .chain(along(0.5, &[630_447.0]))
        .chain(along(1.0, &[631_683.0]))
        .chain(behind(1));
    let (source, target) = (plane([[0.867_049_7, 2.170_448_9e-8]]), plane(target));
    assert_eq!(run_in(Precision::Single, By::Reference, &source, &target).assignment(), [31]);
    assert_equals_reference(&source, &target);
}

#[test]
fn angular_reports_progress_and_can_be_stopped() {
    let (source, target) = (normal(5000, 2, 19), normal(5000, 2, 20));
    let mut seen = Vec::new();
    let matcher = Matcher::new().strategy(By::Angular).progress(|progress| {
        seen.push(progress.done);
        ControlFlow::Continue(())
    });
    matcher.match_rows(source.rows(), target.rows()).unwrap();
    assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&5000) && seen.len() > 3);

    let stopped = Matcher::new()
        .strategy(By::Angular)
        .progress(|progress| if progress.done > 1500 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .match_rows(source.rows(), target.rows());
    assert!(matches!(stopped, Err(MatchError::Cancelled { done, total: 5000 }) if done > 1500 && done < 5000));
}

/// The correlations that the front page states for the two precisions.
#[test]
fn lengths_correlate_in_single_precision_and_hardly_in_double() {
    let n = 100_000;
    let source = normal(n, 2, 1);
    let target = sampled(n, 2, |rng| [rng.random_range(-1.7..1.7), rng.random_range(-1.7..1.7)]);
    let lengths = |cloud: &Cloud| -> Vec<f64> {
        cloud.data.chunks(2).map(|row| f64::from(row[0]).hypot(f64::from(row[1]))).collect()
    };
    let (y, x) = (lengths(&source), lengths(&target));
    let correlation = |precision| {
        let matched = run_in(precision, By::Angular, &source, &target);
        let x: Vec<f64> = matched.assignment().iter().map(|&row| x[row]).collect();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
        let (a, b) = (mean(&y), mean(&x));
        let sum = |f: &dyn Fn(f64, f64) -> f64| y.iter().zip(&x).map(|(&y, &x)| f(y - a, x - b)).sum::<f64>();
        sum(&|y, x| y * x) / (sum(&|y, _| y * y) * sum(&|_, x| x * x)).sqrt()
    };
    let (double, single) = (correlation(Precision::Double), correlation(Precision::Single));
    assert!((double - 0.12).abs() < 0.02 && (single - 0.71).abs() < 0.02, "{double} {single}");
}
