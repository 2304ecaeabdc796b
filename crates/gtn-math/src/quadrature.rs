//! Adaptive integration of positive functions: the Gauss-Kronrod rule with 15 points, halving the subinterval with the
//! largest error.

/// The non-negative nodes of the Kronrod rule on [-1, 1]. Those with odd indices are the nodes of the Gauss rule.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];

/// The weights of the Kronrod rule.
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_56,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];

/// The weights of the Gauss rule.
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// The largest number of subintervals.
const MAX_SUBINTERVALS: usize = 1000;

/// An integral, and the difference of the two rules, which is far above the error of the better one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    pub(crate) integral: f64,
    pub(crate) error: f64,
}

struct Subinterval {
    from: f64,
    to: f64,
    estimate: Estimate,
}

/// The integral of a function from the first to the last of the ascending `breakpoints`.
///
/// The estimated error is at most `tolerance` times the integral, unless the limit on the number of subintervals is
/// reached. The caller must check it.
pub(crate) fn integrate<E>(
    function: impl Fn(f64) -> Result<f64, E>,
    breakpoints: &[f64],
    tolerance: f64,
) -> Result<Estimate, E> {
    let subinterval = |from: f64, to: f64| Ok(Subinterval { from, to, estimate: gauss_kronrod(&function, from, to)? });
    let mut subintervals =
        breakpoints.windows(2).map(|ends| subinterval(ends[0], ends[1])).collect::<Result<Vec<_>, E>>()?;
    loop {
        let total = subintervals.iter().fold(Estimate { integral: 0.0, error: 0.0 }, |sum, subinterval| Estimate {
            integral: sum.integral + subinterval.estimate.integral,
            error: sum.error + subinterval.estimate.error,
        });
        let worst = (0..subintervals.len())
            .max_by(|&i, &j| subintervals[i].estimate.error.total_cmp(&subintervals[j].estimate.error));
        let Some(worst) = worst else { return Ok(total) };
        if total.error <= tolerance * total.integral || subintervals.len() >= MAX_SUBINTERVALS {
            return Ok(total);
        }
        let Subinterval { from, to, .. } = subintervals.swap_remove(worst);
        let middle = from + 0.5 * (to - from);
        subintervals.push(subinterval(from, middle)?);
        subintervals.push(subinterval(middle, to)?);
    }
}

/// The Gauss-Kronrod rule on one interval.
fn gauss_kronrod<E>(function: &impl Fn(f64) -> Result<f64, E>, from: f64, to: f64) -> Result<Estimate, E> {
    let (center, half) = (from + 0.5 * (to - from), 0.5 * (to - from));
    let at_center = function(center)?;
    let (mut kronrod, mut gauss) = (KRONROD[7] * at_center, GAUSS[3] * at_center);
    for (i, node) in NODES[..7].iter().enumerate() {
        let sum_of_pair = function(center - half * node)? + function(center + half * node)?;
        kronrod += KRONROD[i] * sum_of_pair;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * sum_of_pair;
        }
    }
    Ok(Estimate { integral: half * kronrod, error: half * (kronrod - gauss).abs() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// The Kronrod rule is exact up to degree 22 and the Gauss rule up to degree 13, so this detects a wrong digit of a
    /// node or weight.
    #[test]
    fn rules_are_exact_for_polynomials() {
        for degree in 0..=22 {
            let estimate = gauss_kronrod(&|x: f64| Ok::<_, Infallible>(x.powi(degree)), 0.0, 2.0).unwrap();
            let exact = 2f64.powi(degree + 1) / f64::from(degree + 1);
            assert!((estimate.integral / exact - 1.0).abs() < 2e-15, "{degree}");
            assert_eq!(estimate.error / exact < 2e-15, degree <= 13, "{degree}");
        }
    }

    #[test]
    fn intervals_are_halved_until_the_error_is_small() {
        let peak = |x: f64| Ok::<_, Infallible>((-0.5 * ((x - 0.3) / 1e-3).powi(2)).exp());
        let estimate = integrate(peak, &[0.0, 1.0], 1e-12).unwrap();
        let exact = 1e-3 * std::f64::consts::TAU.sqrt();
        assert!((estimate.integral / exact - 1.0).abs() < 1e-12 && estimate.error <= 1e-12 * estimate.integral);
        let jump = |x: f64| if x < 0.3 { Ok(1.0) } else { Err("beyond the jump") };
        assert_eq!(integrate(jump, &[0.0, 1.0], 1e-12).map(|e| e.integral), Err("beyond the jump"));
        let noise = |x: f64| Ok::<_, Infallible>(if x.to_bits().is_multiple_of(2) { 1.0 } else { 2.0 });
        let estimate = integrate(noise, &[0.0, 1.0], 1e-12).unwrap();
        assert!(estimate.error > 1e-12 * estimate.integral);
    }
}
