use std::f64::consts::{FRAC_PI_2, PI, TAU};

use crate::error::{MapError, SwissRollError};
use crate::interval::OpenInterval;

/// The swiss roll: the curve θ ↦ (θ·cos θ, θ·sin θ) over an open interval of angles in radians.
///
/// This map is a homeomorphism onto its image, because θ is the distance of its point from the origin. A distribution
/// of the angle therefore gives a distribution on a curve in the plane, and a map h between angles gives one between
/// points. This makes it a one-dimensional problem in two coordinates.
///
/// ```
/// use gtn_math::SwissRoll;
///
/// let roll = SwissRoll::paper();
/// let point = roll.point(6.0)?;
/// let nearest = roll.nearest(point)?;
/// assert!((nearest.angle - 6.0).abs() < 1e-14 && nearest.distance < 1e-13);
/// let off_curve = roll.nearest([point[0] + 0.3, point[1]])?;
/// assert!(off_curve.distance > 0.0 && off_curve.distance < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwissRoll {
    angles: OpenInterval,
}

/// The point of a [`SwissRoll`] that is nearest to a given point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearestAngle {
    /// The angle of the nearest point. It is an endpoint of the interval of angles if the curve comes closest there.
    pub angle: f64,
    /// The distance of the given point from the curve.
    pub distance: f64,
}

impl SwissRoll {
    /// The swiss roll over the given angles.
    ///
    /// # Errors
    ///
    /// The angles start below 2, where the roll is wound too tightly for the algorithm of [`nearest`](Self::nearest),
    /// or have no finite end.
    pub fn new(angles: OpenInterval) -> Result<Self, SwissRollError> {
        if angles.lower() >= 2.0 && angles.upper().is_finite() {
            Ok(Self { angles })
        } else {
            Err(SwissRollError::InvalidAngles { angles })
        }
    }

    /// The swiss roll of the paper's experiment, over the angles (1.5π, 4.5π): one and a half turns.
    pub fn paper() -> Self {
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
        Ok(curve_point(self.check_angle(angle)?))
    }

    /// The norm of the derivative of the curve with respect to the angle, √(1 + θ²).
    ///
    /// # Errors
    ///
    /// The angle is not inside the interval of angles.
    pub fn speed(&self, angle: f64) -> Result<f64, MapError> {
        Ok(self.check_angle(angle)?.hypot(1.0))
    }

    /// The length of the curve from its start to an angle, with an absolute error of a few ulps of θ².
    ///
    /// # Errors
    ///
    /// The angle is not inside the interval of angles.
    pub fn arc_length(&self, angle: f64) -> Result<f64, MapError> {
        let length_from_center = |angle: f64| 0.5 * (angle * angle.hypot(1.0) + angle.asinh());
        Ok(length_from_center(self.check_angle(angle)?) - length_from_center(self.angles.lower()))
    }

    /// The angle at which the curve comes closest to a point, and the distance.
    ///
    /// On the curve this is the inverse of [`point`](Self::point). If several points of the curve are equally near, one
    /// of them is returned.
    ///
    /// # Errors
    ///
    /// A coordinate is not finite.
    pub fn nearest(&self, point: [f64; 2]) -> Result<NearestAngle, SwissRollError> {
        if let Some((index, &value)) = point.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(SwissRollError::NotFinite { index, value });
        }
        let candidate = |angle: f64| {
            let [x, y] = curve_point(angle);
            NearestAngle { angle, distance: (point[0] - x).hypot(point[1] - y) }
        };
        let (lower, upper) = (self.angles.lower(), self.angles.upper());
        let ends = [candidate(lower), candidate(upper)];
        let inner = self.local_minima(point).filter(|&angle| self.angles.contains(angle)).map(candidate);
        Ok(ends
            .into_iter()
            .chain(inner)
            .fold(ends[0], |best, next| if next.distance < best.distance { next } else { best }))
    }

    /// The angles at which the distance from a point has a local minimum. They include every candidate for the global
    /// minimum inside the interval of angles.
    ///
    /// For a point with polar coordinates (r, φ), half the derivative of the squared distance, divided by r, is
    /// g(θ) = θ/r − cos u + θ·sin u with u = θ − φ. For θ ≥ 2:
    ///
    /// - if r ≤ 1/2, then g > 0, so the distance increases;
    /// - otherwise g increases on 0 ≤ u ≤ π/2 and is positive on π/2 ≤ u ≤ π;
    /// - on −π ≤ u ≤ 0, g decreases and then increases. To see this, let g′ = 1/r + 2·sin u + θ·cos u and
    ///   g″ = 3·cos u − θ·sin u. Up to its only zero g″ is negative, and beyond it positive. Where g″ is negative, g′ is
    ///   negative too, because 1/r < 2 ≤ 2·(|sin u| + |cos u|).
    ///
    /// Each turn around u = 0 therefore has at most one local minimum. The curve at θ is at least |θ − r| away from the
    /// point, and exactly that far where u = 0, so it suffices to search the turns next to r.
    fn local_minima(&self, [x, y]: [f64; 2]) -> impl Iterator<Item = f64> {
        let (r, phi) = (x.hypot(y), y.atan2(x));
        let lower = self.angles.lower();
        let reference = r.clamp(lower, self.angles.upper());
        let first_turn = ((reference - 1.5 * TAU - phi) / TAU).ceil();
        let g = move |center: f64, u: f64| {
            let angle = center + u;
            angle / r - u.cos() + angle * u.sin()
        };
        let g_derivative = move |center: f64, u: f64| 1.0 / r + 2.0 * u.sin() + (center + u) * u.cos();
        // The turns from one and a half below the reference to one and a half above it.
        let turns = if r > 0.5 { 0..4 } else { 0..0 };
        turns.filter_map(move |i| {
            let center = phi + TAU * (first_turn + f64::from(i));
            if g(center, 0.0) <= 0.0 {
                return Some(center + bisect(0.0, FRAC_PI_2, |u| g(center, u)));
            }
            let start = (lower - center).max(-PI);
            if start >= 0.0 {
                return None;
            }
            let lowest = bisect(start, 0.0, |u| g_derivative(center, u));
            (g(center, lowest) < 0.0).then(|| center + bisect(lowest, 0.0, |u| g(center, u)))
        })
    }

    fn check_angle(&self, angle: f64) -> Result<f64, MapError> {
        let support = self.angles;
        if support.contains(angle) { Ok(angle) } else { Err(MapError::OutsideSupport { value: angle, support }) }
    }
}

/// (θ·cos θ, θ·sin θ).
fn curve_point(angle: f64) -> [f64; 2] {
    let (sine, cosine) = angle.sin_cos();
    [angle * cosine, angle * sine]
}

/// A zero of a function that is negative at `low` and positive at `high`, by bisection.
fn bisect(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    // The interval is at most π long. After 60 halvings its length is 3e-18, below the rounding error of an angle of 2.
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
