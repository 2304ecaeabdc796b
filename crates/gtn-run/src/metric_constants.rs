//! Constants that define metrics, shared by evaluation and reports.

/// The distance from the swiss roll beyond which a point is off the curve.
pub const OFF_CURVE_DISTANCE: f64 = 0.1;

/// The angles over which the swiss roll is extended to decide that: other metrics measure points beyond its ends.
pub const EXTENDED_ANGLES: (f64, f64) = (2.0, 40.0);

/// The left edges of the two squares of `disjoint-uniform`. Each is a unit square between 0 and 1 in the second coordinate.
pub const SQUARE_LEFT_EDGES: [f32; 2] = [0.0, 2.0];

/// How far a point may be outside a square, on each side, and still count as inside.
pub const SQUARE_TOLERANCE: f32 = 0.01;

/// The number of neighbors of density and coverage, as in their paper.
pub const K_DENSITY: usize = 5;

/// The samples of latents are measured if at least so many are held out.
pub const MIN_MEASURED: usize = 2 * K_DENSITY + 1;
