use std::f64::consts::{FRAC_PI_2, PI, TAU};

use crate::error::{MapError, SwissRollError};
use crate::interval::OpenInterval;

/// The swiss roll: the curve θ ↦ (θ·cos θ, θ·sin θ) over an open interval of angles in radians.
///
/// The map is a homeomorphism onto its image, since θ is the distance of its point from the origin. A law of the angle
/// thus gives a law on a curve in the plane, and h for the angles gives one for the points: a one-dimensional problem in
/// two coordinates.
///
/// ```
/// use gtn_math::SwissRoll;
///
/// let roll = SwissRoll::of_the_paper();
/// let point = roll.point(6.0)?;
/// let nearest = roll.nearest(point)?;
/// assert!((nearest.angle - 6.0).abs() < 1e-14 && nearest.distance < 1e-13);
/// let beside = roll.nearest([point[0] + 0.3, point[1]])?;
/// assert!(beside.distance > 0.0 && beside.distance < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwissRoll {
    angles: OpenInterval,
}

/// The place of a [`SwissRoll`] that is nearest to a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearestAngle {
    /// The angle, which is an end of the interval of angles if the curve comes closest there.
    pub angle: f64,
    /// The distance of the point from the curve.
    pub distance: f64,
}

impl SwissRoll {
    /// The roll over the given angles.
    ///
    /// # Errors
    ///
    /// The angles start below 2, where the roll winds so tightly that [`nearest`](Self::nearest) does not hold, or have no
    /// finite end.
    pub fn new(angles: OpenInterval) -> Result<Self, SwissRollError> {
        if angles.lower() >= 2.0 && angles.upper().is_finite() {
            Ok(Self { angles })
        } else {
            Err(SwissRollError::Angles { angles })
        }
    }

    /// The roll of the paper's experiment, over the angles (1.5π, 4.5π): one and a half turns.
    pub fn of_the_paper() -> Self {
        Self { angles: OpenInterval::SWISS_ROLL }
    }

    /// The interval of angles.
    pub const fn angles(&self) -> OpenInterval {
        self.angles
    }

    /// The point at an angle, (θ·cos θ, θ·sin θ).
    ///
    /// # Errors
    ///
    /// The angle is not inside the interval of angles.
    pub fn point(&self, angle: f64) -> Result<[f64; 2], MapError> {
        Ok(at(self.checked(angle)?))
    }

    /// The length of the derivative of the curve at an angle, √(1 + θ²).
    ///
    /// # Errors
    ///
    /// The angle is not inside the interval of angles.
    pub fn speed(&self, angle: f64) -> Result<f64, MapError> {
        Ok(self.checked(angle)?.hypot(1.0))
    }

    /// The length of the curve from its start to an angle, with an absolute error of a few units of the last place of θ².
    ///
    /// # Errors
    ///
    /// The angle is not inside the interval of angles.
    pub fn arc_length(&self, angle: f64) -> Result<f64, MapError> {
        // From the center of the roll.
        let length = |angle: f64| 0.5 * (angle * angle.hypot(1.0) + angle.asinh());
        Ok(length(self.checked(angle)?) - length(self.angles.lower()))
    }

    /// The angle at which the curve comes closest to a point, and the distance.
    ///
    /// On the curve this is the inverse of [`point`](Self::point). If two places are equally near, one of them is returned.
    ///
    /// # Errors
    ///
    /// A coordinate is not finite.
    pub fn nearest(&self, point: [f64; 2]) -> Result<NearestAngle, SwissRollError> {
        if let Some((index, &value)) = point.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(SwissRollError::NotFinite { index, value });
        }
        let measure = |angle: f64| {
            let [x, y] = at(angle);
            NearestAngle { angle, distance: (point[0] - x).hypot(point[1] - y) }
        };
        let (lower, upper) = (self.angles.lower(), self.angles.upper());
        let ends = [measure(lower), measure(upper)];
        let inner = self.stationary(point).filter(|&angle| self.angles.contains(angle)).map(measure);
        Ok(ends
            .into_iter()
            .chain(inner)
            .fold(ends[0], |best, next| if next.distance < best.distance { next } else { best }))
    }

    /// The angles around which the distance from a point has a local minimum; at least all that may be global ones.
    ///
    /// For a point with polar coordinates (r, φ) half the derivative of the squared distance, over r, is
    /// g(θ) = θ/r − cos u + θ·sin u with u = θ − φ. For θ ≥ 2:
    ///
    /// - if r ≤ 1/2, g > 0: the distance increases;
    /// - otherwise, on 0 ≤ u ≤ π/2 g increases, and on π/2 ≤ u ≤ π it is positive;
    /// - on −π ≤ u ≤ 0 it falls and then rises: g′ = 1/r + 2·sin u + θ·cos u has the derivative
    ///   3·cos u − θ·sin u, is negative up to its only zero and positive beyond; where it is negative, so is g′, for
    ///   1/r < 2 ≤ 2·(|sin u| + |cos u|).
    ///
    /// So each turn around u = 0 has one local minimum at most. Since the curve at θ is at least |θ − r| away from the point
    /// and exactly that where u = 0, it is enough to look at the turns beside r.
    fn stationary(&self, [x, y]: [f64; 2]) -> impl Iterator<Item = f64> {
        let (r, phi) = (x.hypot(y), y.atan2(x));
        let lower = self.angles.lower();
        let reference = r.clamp(lower, self.angles.upper());
        let first_turn = ((reference - 1.5 * TAU - phi) / TAU).ceil();
        let g = move |center: f64, u: f64| {
            let angle = center + u;
            angle / r - u.cos() + angle * u.sin()
        };
        let slope = move |center: f64, u: f64| 1.0 / r + 2.0 * u.sin() + (center + u) * u.cos();
        // Turns from one and a half below the reference to one and a half above.
        let turns = if r > 0.5 { 0..4 } else { 0..0 };
        turns.filter_map(move |i| {
            let center = phi + TAU * (first_turn + f64::from(i));
            if g(center, 0.0) <= 0.0 {
                return Some(center + sign_change(0.0, FRAC_PI_2, |u| g(center, u)));
            }
            let start = (lower - center).max(-PI);
            if start >= 0.0 {
                return None;
            }
            let lowest = sign_change(start, 0.0, |u| slope(center, u));
            (g(center, lowest) < 0.0).then(|| center + sign_change(lowest, 0.0, |u| g(center, u)))
        })
    }

    fn checked(&self, angle: f64) -> Result<f64, MapError> {
        let support = self.angles;
        if support.contains(angle) { Ok(angle) } else { Err(MapError::OutsideSupport { value: angle, support }) }
    }
}

fn at(angle: f64) -> [f64; 2] {
    let (sine, cosine) = angle.sin_cos();
    [angle * cosine, angle * sine]
}

/// Where a function that is negative at `low` and positive at `high` changes its sign, by bisection.
fn sign_change(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    // Intervals of length π at most: after 60 halvings 3e-18 is left, below the rounding of an angle of 2.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if function(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
