//! Constants that define metrics, shared by evaluation and reports.

/// The distance from the swiss roll beyond which a point is off the curve.
pub const OFF_CURVE_DISTANCE: f64 = 0.1;

/// The angles over which the swiss roll is extended to decide that: other metrics measure points beyond its ends.
pub const EXTENDED_ANGLES: (f64, f64) = (2.0, 40.0);

/// How far a point may be outside the unit square, on each side, and still count as inside.
pub const SQUARE_TOLERANCE: f32 = 0.01;
