//! Numbers that define figures of merit, for those who measure and those who explain.

/// The distance from the swiss roll beyond which a point lies off the curve.
pub const OFF_CURVE: f64 = 0.1;

/// The angles over which the roll is continued for that: leaving it at an end is told by other figures.
pub const CONTINUED_ROLL: (f64, f64) = (2.0, 40.0);

/// How far outside the unit square a point counts as outside, to either side.
pub const OUTSIDE_SQUARE: f32 = 0.01;
