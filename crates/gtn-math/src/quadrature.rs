//! Integrals of positive functions by Gauss and Kronrod's rule of 15 points, halving the interval with the largest error.

/// The non-negative nodes of Kronrod's rule on [-1, 1]; every second one, from the second on, is one of Gauss's rule.
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

/// The weights of Kronrod's rule.
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

/// The weights of Gauss's rule.
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// The largest number of intervals that a function is cut into.
const MAX_INTERVALS: usize = 1000;

/// An integral, and the distance of the two rules from each other, which is far above the error of the better one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    pub(crate) integral: f64,
    pub(crate) error: f64,
}

struct Piece {
    from: f64,
    to: f64,
    estimate: Estimate,
}

/// The integral of a function between the ascending `cuts`, with an estimated error of at most `tolerance` times itself if the
/// limit on the number of intervals allows; the caller compares.
pub(crate) fn integral<E>(
    function: impl Fn(f64) -> Result<f64, E>,
    cuts: &[f64],
    tolerance: f64,
) -> Result<Estimate, E> {
    let piece = |from: f64, to: f64| Ok(Piece { from, to, estimate: rule(&function, from, to)? });
    let mut pieces = cuts.windows(2).map(|ends| piece(ends[0], ends[1])).collect::<Result<Vec<_>, E>>()?;
    loop {
        let whole = pieces.iter().fold(Estimate { integral: 0.0, error: 0.0 }, |sum, piece| Estimate {
            integral: sum.integral + piece.estimate.integral,
            error: sum.error + piece.estimate.error,
        });
        let worst = (0..pieces.len()).max_by(|&i, &j| pieces[i].estimate.error.total_cmp(&pieces[j].estimate.error));
        let Some(worst) = worst else { return Ok(whole) };
        if whole.error <= tolerance * whole.integral || pieces.len() >= MAX_INTERVALS {
            return Ok(whole);
        }
        let Piece { from, to, .. } = pieces.swap_remove(worst);
        let middle = from + 0.5 * (to - from);
        pieces.push(piece(from, middle)?);
        pieces.push(piece(middle, to)?);
    }
}

fn rule<E>(function: &impl Fn(f64) -> Result<f64, E>, from: f64, to: f64) -> Result<Estimate, E> {
    let (center, half) = (from + 0.5 * (to - from), 0.5 * (to - from));
    let middle = function(center)?;
    let (mut kronrod, mut gauss) = (KRONROD[7] * middle, GAUSS[3] * middle);
    for (i, node) in NODES[..7].iter().enumerate() {
        let pair = function(center - half * node)? + function(center + half * node)?;
        kronrod += KRONROD[i] * pair;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * pair;
        }
    }
    Ok(Estimate { integral: half * kronrod, error: half * (kronrod - gauss).abs() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Kronrod's rule is exact up to degree 22, Gauss's up to 13; a wrong digit of a node or weight would show.
    #[test]
    fn rules_are_exact_for_polynomials() {
        for degree in 0..=22 {
            let found = rule(&|x: f64| Ok::<_, Infallible>(x.powi(degree)), 0.0, 2.0).unwrap();
            let exact = 2f64.powi(degree + 1) / f64::from(degree + 1);
            assert!((found.integral / exact - 1.0).abs() < 2e-15, "{degree}");
            assert_eq!(found.error / exact < 2e-15, degree <= 13, "{degree}");
        }
    }

    #[test]
    fn intervals_are_halved_until_the_error_is_small() {
        let peak = |x: f64| Ok::<_, Infallible>((-0.5 * ((x - 0.3) / 1e-3).powi(2)).exp());
        let found = integral(peak, &[0.0, 1.0], 1e-12).unwrap();
        let exact = 1e-3 * std::f64::consts::TAU.sqrt();
        assert!((found.integral / exact - 1.0).abs() < 1e-12 && found.error <= 1e-12 * found.integral);
        let jump = |x: f64| if x < 0.3 { Ok(1.0) } else { Err("beyond") };
        assert_eq!(integral(jump, &[0.0, 1.0], 1e-12).map(|e| e.integral), Err("beyond"));
        let wild = |x: f64| Ok::<_, Infallible>(if x.to_bits().is_multiple_of(2) { 1.0 } else { 2.0 });
        let found = integral(wild, &[0.0, 1.0], 1e-12).unwrap();
        assert!(found.error > 1e-12 * found.integral);
    }
}
