//! Maps between continuous probability distributions: the theory of *Generative Topological Networks*
//! ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)) in exact formulas. Use this crate to carry samples of one
//! known distribution to another, to get a closed-form reference for what a trained network should compute, or to pair
//! two one-dimensional samples by rank. It works on plain `f64` values and has no tensors, files or randomness.
//!
//! ```
//! use gtn_math::{CdfMap, Homeomorphism, Normal, Uniform};
//!
//! // Figure 2: Y is normal, X is uniform.
//! let h = CdfMap::new(Normal::standard(), Uniform::new(-1.0, 1.0)?);
//! let x = h.forward(&1.0)?; // 2 Φ(1) − 1
//! assert!((x - 0.682_689_492_137_085_9).abs() < 1e-15);
//! assert!((h.inverse(&x)? - 1.0).abs() < 1e-15);
//! assert!(h.inverse(&1.0).is_err()); // the range is the open interval (-1, 1)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The central object is the homeomorphism h = F_X⁻¹ ∘ F_Y of Theorem 2.1, which carries the distribution of Y (the
//! source) to that of X (the target). The crate also covers the jumps of h where the target has several components
//! (Appendix C), its radial and line-wise generalizations to higher dimensions (Equation 4, Appendices D and E), and
//! the sorted labeling (Figure 2), which teaches a network the same map from samples alone.
//!
//! | you have | use |
//! |---|---|
//! | two distributions on intervals | [`CdfMap`] |
//! | a target on several intervals | [`UnionMap`], one map with jumps, or [`UnionDistribution::component_maps`], one map per component |
//! | two samples of unknown distributions | [`sorted_labeling`] to pair indices, [`EmpiricalMap`] to map values |
//! | the distributions of the norms of vectors | [`RadialMap`] |
//! | the densities of vectors | [`LineMap`]; read its limitations first |
//! | an angle of the [`SwissRoll`] | [`SwissRoll::point`], and [`SwissRoll::nearest`] for the way back |
//!
//! The built-in distributions are [`Normal`], [`Uniform`], [`Exponential`], [`Chi`] and any [`Mixture`] of
//! distributions. Implement [`Distribution`] to add your own.
//!
//! # What the tests prove
//!
//! `cargo test -p gtn-math --test theorems` checks the paper's statements as properties of randomly drawn distributions
//! and points. "In the tails" means ranks down to 1e-300.
//!
//! | statement | test |
//! |---|---|
//! | Theorem 2.1: h is strictly increasing, hence injective | `line::h_increases_strictly`, `…_in_the_tails`, `h_increases_across_the_median` |
//! | Theorem 2.1: h⁻¹(h(y)) = y | `line::inverse_is_a_left_inverse`, `…_in_the_tails` |
//! | Theorem 2.1: h(h⁻¹(x)) = x, hence h is onto | `line::inverse_is_a_right_inverse`, `…_in_the_tails`, `h_is_onto_the_support` |
//! | Theorem 2.1: h is continuous, and so is h⁻¹, which is the map from X to Y: Δh ≤ Δy · max f_Y / min f_X | `line::h_is_continuous` |
//! | Theorem 2.1: h(Y) has the distribution of X | `line::pushforward_of_y_has_the_distribution_of_x` (Kolmogorov-Smirnov test, false alarm rate below 1e-6) |
//! | closed forms: normal to normal is affine, uniform to exponential is −ln(1 − u), exponential to Rayleigh is √(2e) | `line::normal_to_normal_is_affine`, `uniform_to_exponential_is_minus_ln_of_one_minus_u`, `exponential_to_chi_of_two_degrees_is_a_square_root` |
//! | Appendix C: h to a distribution on k intervals is undefined at exactly the k − 1 points where F_Y equals a partial sum of the weights | `union::h_to_a_union_is_undefined_at_exactly_k_minus_1_points` |
//! | Appendix C: at each of these points h jumps by exactly the gap | `union::h_to_a_union_jumps_by_exactly_the_gap` |
//! | Appendix C: between these points h is a homeomorphism from each piece onto one component; for k = 1 it is the h of Theorem 2.1; the outer tails and outer components of small weight keep their digits | `union::h_carries_each_piece_onto_one_component`, `h_to_one_interval_is_that_of_theorem_2_1`, `outer_tails_of_a_union_keep_their_digits`, `outer_components_of_small_weight_keep_their_digits` |
//! | Appendix C: h without its discontinuities reaches the distribution of X, and so does one map per component if the component is drawn by weight | `union::pushforward_to_a_union_has_its_distribution` (Kolmogorov-Smirnov test, false alarm rate below 1e-6), `component_maps_carry_the_entire_support_onto_each_component`, `components_are_drawn_by_weight` |
//! | mixtures satisfy the assumptions of Theorem 2.1 | `mixture::mixture_quantiles_invert_the_distribution_function`, `h_between_mixtures_increases_and_is_invertible`, `pushforward_to_a_mixture_has_its_distribution` |
//! | Equation 4: h keeps directions and commutes with rotations | `radial::radial_map_keeps_directions`, `radial_map_commutes_with_rotations` |
//! | Equation 4: h is injective and onto the ball, h(0) = 0, and h is continuous at 0 | `radial::radial_inverse_undoes_the_map_on_both_sides`, `radial_map_is_injective_along_rays`, `radial_map_is_continuous_at_zero` |
//! | Equation 4: between centered normal distributions h is a scaling; in one dimension it is the map of the norms | `radial::radial_map_between_centered_normals_is_scaling`, `radial_map_of_one_dimension_is_the_map_of_norms` |
//! | Equation 4: h(Y) has the distribution of X if directions are uniform and independent of norms | `radial::radial_pushforward_of_the_normal_distribution_is_uniform_in_the_ball` |
//! | Equation 4 is odd for d = 1: it equals the h of Theorem 2.1 if that h is odd, so for a symmetric Y only if X is symmetric | `line_wise::equation_4_is_theorem_2_1_for_symmetric_distributions_of_one_dimension`, `equation_4_is_not_theorem_2_1_for_other_distributions_of_one_dimension`, `equation_4_is_theorem_2_1_between_multiples_of_one_distribution` |
//! | Appendix E: the line-wise h equals Equation 4 for d = 1 and between centered normal distributions | `line_wise::line_wise_h_of_one_dimension_is_equation_4`, `line_wise_h_between_centered_normals_is_equation_4` |
//! | Appendix E: the line-wise h keeps rays and is invertible, but for d ≥ 2 it does not carry the distribution of Y to that of X | `line_wise::line_wise_h_keeps_rays_and_is_invertible`, `line_wise_h_does_not_carry_the_distribution_in_the_plane` |
//! | Figure 2: the labeling is an increasing permutation that pairs points of equal empirical distribution functions | `labeling::labeling_is_a_permutation`, `labeling_increases`, `labeled_points_have_equal_empirical_cdfs` |
//! | the labeling minimizes the sum of squared differences | `labeling::labeling_minimizes_the_squared_distance` |
//! | Figure 2: the empirical h is the sorted labeling, and F_X⁻¹ ∘ F_Y for empirical F | `empirical::empirical_h_is_the_sorted_labeling`, `empirical_h_is_the_quantile_of_the_cdf` |
//! | Figure 2: the empirical h converges to h: \|F_X(hₙ(y)) − F_Y(y)\| ≤ 6.2/√n at all points | `empirical::empirical_h_converges_to_h` (false alarm rate below 2.4e-7) |
//! | the empirical cdf is a fraction of the sample, and its quantile is the smallest point whose cdf reaches p | `empirical::empirical_cdf_is_the_fraction_at_or_below`, `empirical_quantile_is_the_smallest_point_whose_cdf_reaches_p`, `empirical_quantile_of_k_over_n_is_the_kth_smallest` |
//! | the swiss roll is a curve: its angle can be recovered, and no point of the curve is nearer than the one returned | `swiss_roll::nearest_undoes_the_swiss_roll`, `nearest_minimizes_the_distance_to_the_swiss_roll`, `arc_length_is_that_of_the_swiss_roll` |
//! | every bit pattern gives a value or an error | `…_handle_every_f64`, `…_handle_every_vector` |
//!
//! # Floating-point accuracy
//!
//! Everything is `f64`. `tests/golden.rs` compares with reference values of 50 digits.
//!
//! - Distribution and survival functions have relative errors below 5e-13 for probabilities from 1e-300 to 1 (chi
//!   distributions: up to 3072 degrees of freedom). Near the median the errors are a few ulps; they grow with the
//!   logarithm of the probability. The rounding of (x − mean) / std, of x / scale, and of x itself comes on top.
//! - Quantiles have relative errors below 2e-15, those of the chi distribution with 2 or more degrees of freedom below
//!   2e-14, before a mean or an endpoint of the support is added. `cdf(quantile(p))` and `sf(isf(p))` return p within
//!   1e-12 for p from 1e-307 to 1/2 if the distribution is centered at 0 or starts there (chi distributions: again up
//!   to 3072 degrees of freedom).
//! - The errors of a [`Mixture`] are the weighted sums of the errors of its components. Its quantile is the `f64` at
//!   which the computed sum reaches the probability.
//! - Empirical distributions and maps are exact: ranks are integers, and an empirical cdf is one division.
//! - [`LineMap`] integrates numerically to an estimated relative error of 1e-10. [`UnionMap`] has an absolute error of
//!   about 1e-16 in probability near its discontinuities. Their pages give details.
//! - The maps use the smaller of the two tails of a point. Their error is the error of that probability, amplified by
//!   the distributions: with κ(y) = |y| · density / tail, a relative error ε of y becomes one of about
//!   ε · κ_Y(y) / κ_X(h(y)) in h(y).
//! - Computed images lie inside the open range, as exact images do: if rounding puts an image on a finite endpoint, it
//!   is moved to the adjacent `f64`.
//!
//! # Limitations
//!
//! - A point with a probability below 2.3e-308 beyond it is an error ([`MapError::ProbabilityUnderflow`]), although the
//!   exact map has an image there. For N(0, 1) this happens beyond ±37.5. In high dimensions the ball around 0 is just
//!   as unlikely: for [`Chi`] with 100 degrees of freedom, norms below 0.005 · scale. [`RadialMap`] maps only the zero
//!   vector without evaluating the distributions.
//! - Near an endpoint of the support other than 0, `f64` is coarse: a uniform distribution on (1, 2) has no point of
//!   rank below 1e-16. Neighboring points may then have the same image, so h is only non-decreasing there. The same
//!   holds for points closer than the rounding of h. Around the median, where the maps switch from one tail to the
//!   other, two such points may even be swapped by one ulp.
//! - A distribution whose support has gaps does not satisfy Theorem 2.1. It is a [`UnionDistribution`], not a
//!   [`Distribution`].
//! - The chi distribution accepts up to 2²⁴ degrees of freedom. The rounding of x alone changes its probabilities by up
//!   to about 1e-16 · degrees in the lower tail.
//! - [`RadialMap`] keeps directions. If the directions of X are not uniform, only the distribution of the norm is
//!   matched.

mod ball;
mod cdf_map;
mod distribution;
mod distributions;
mod empirical;
mod error;
mod homeomorphism;
mod incomplete_gamma;
mod interval;
mod interval_union;
mod labeling;
mod line;
mod quadrature;
mod radial;
mod standard_normal;
mod swiss_roll;
mod union_map;

pub use ball::OpenBall;
pub use cdf_map::CdfMap;
pub use distribution::Distribution;
pub use distributions::{Chi, Exponential, Mixture, Normal, Uniform, UnionDistribution};
pub use empirical::{EmpiricalCdf, EmpiricalMap};
pub use error::{
    EmpiricalError, LabelingError, LineError, MapError, ParameterError, RadialError, SwissRollError, UnionError,
    Variable, VectorError,
};
pub use homeomorphism::Homeomorphism;
pub use interval::{Gap, IntervalError, OpenInterval};
pub use interval_union::IntervalUnion;
pub use labeling::sorted_labeling;
pub use line::{BallDensity, LineMap};
pub use radial::RadialMap;
pub use swiss_roll::{NearestAngle, SwissRoll};
pub use union_map::UnionMap;

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
