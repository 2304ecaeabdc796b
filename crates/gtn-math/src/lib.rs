//! The theory of *Generative Topological Networks* ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)) in exact
//! formulas: continuous laws on the line with honest tails, the homeomorphism h = F_X⁻¹ ∘ F_Y that carries one law to
//! another (Theorem 2.1), its breaks where the target has several components (Appendix C), its radial and line-wise
//! generalizations to more dimensions (Equation 4, Appendices D and E), and the sorted labeling (Figure 2) that teaches a network
//! the same map from samples alone. Numbers go in, numbers come out; there is no randomness, no file and no tensor here.
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
//! | what you have | what maps it |
//! |---|---|
//! | two laws on intervals | [`CdfMap`] |
//! | a target on several intervals | [`UnionMap`], which breaks where it must, or a map for each component of a [`UnionLaw`] |
//! | two samples whose laws nobody knows | [`sorted_labeling`] by index, [`EmpiricalMap`] by value |
//! | the laws of the norms of vectors | [`RadialMap`] |
//! | densities of vectors | [`LineMap`], but see there what it does not do |
//! | an angle of the [`SwissRoll`] | [`SwissRoll::point`], and back [`SwissRoll::nearest`] |
//!
//! The laws are [`Normal`], [`Uniform`], [`Exponential`], [`Chi`] and every [`Mixture`] of laws; one of your own is an
//! implementation of [`Distribution`].
//!
//! # What is proved by test
//!
//! `cargo test -p gtn-math --test theorems` holds the paper's statements as properties of randomly drawn laws and points.
//! "In the tails" means ranks down to 1e-300.
//!
//! | statement | test |
//! |---|---|
//! | Theorem 2.1: h increases strictly, hence is injective | `line::h_increases_strictly`, `…_in_the_tails`, `h_increases_across_the_median` |
//! | Theorem 2.1: h⁻¹(h(y)) = y | `line::inverse_is_a_left_inverse`, `…_in_the_tails` |
//! | Theorem 2.1: h(h⁻¹(x)) = x, hence h is onto | `line::inverse_is_a_right_inverse`, `…_in_the_tails`, `h_is_onto_the_support` |
//! | Theorem 2.1: h is continuous, and h⁻¹, which is the map from X to Y: Δh ≤ Δy · max f_Y / min f_X | `line::h_is_continuous` |
//! | Theorem 2.1: h(Y) has the law of X | `line::push_forward_of_y_has_the_law_of_x` (Kolmogorov-Smirnov, false alarms below 1e-6) |
//! | closed forms: normal to normal is affine, uniform to exponential is −ln(1 − u), exponential to Rayleigh is √(2e) | `line::normal_to_normal_is_affine`, `uniform_to_exponential_is_minus_ln_of_one_minus_u`, `exponential_to_chi_of_two_degrees_is_a_root` |
//! | Appendix C: h to a law on k intervals is undefined at exactly the k − 1 points where F_Y equals a partial mass | `union::h_to_a_union_is_undefined_at_just_k_minus_1_points` |
//! | Appendix C: at each of them h jumps by exactly the gap | `union::h_to_a_union_jumps_by_exactly_the_gap` |
//! | Appendix C: between them h is a homeomorphism from each piece onto one component; for k = 1 it is that of Theorem 2.1; outer tails and small outer components keep their digits | `union::h_carries_each_piece_onto_one_component`, `h_to_one_interval_is_that_of_theorem_2_1`, `outer_tails_of_a_union_keep_their_digits`, `outer_components_of_small_mass_keep_their_digits` |
//! | Appendix C: the law of X is reached by h without its breaks, and by one map for each component, drawn by mass | `union::push_forward_to_a_union_has_its_law` (Kolmogorov-Smirnov, false alarms below 1e-6), `component_maps_carry_the_whole_support_onto_each_component`, `components_are_drawn_by_mass` |
//! | mixtures are laws of Theorem 2.1 | `mixture::mixture_quantiles_invert_the_distribution_function`, `h_between_mixtures_increases_and_is_inverted`, `push_forward_to_a_mixture_has_its_law` |
//! | Equation 4: h keeps directions and commutes with rotations | `radial::radial_map_keeps_directions`, `radial_map_commutes_with_rotations` |
//! | Equation 4: h is injective and onto the ball, h(0) = 0, and h is continuous at 0 | `radial::radial_inverse_undoes_the_map_on_both_sides`, `radial_map_is_injective_along_rays`, `radial_map_is_continuous_at_zero` |
//! | Equation 4: between centered normal laws h is scaling; in one dimension it is the map of the norms | `radial::radial_map_between_centered_normals_is_scaling`, `radial_map_of_one_dimension_is_the_map_of_norms` |
//! | Equation 4: h(Y) has the law of X if directions are uniform and independent of norms | `radial::radial_push_forward_of_the_normal_law_is_uniform_in_the_ball` |
//! | Equation 4 is odd for d = 1: it is the h of Theorem 2.1 if that is odd, so for a symmetric Y only if X is symmetric | `line_wise::equation_4_is_theorem_2_1_for_symmetric_laws_of_one_dimension`, `equation_4_is_not_theorem_2_1_for_other_laws_of_one_dimension`, `equation_4_is_theorem_2_1_between_multiples_of_one_law` |
//! | Appendix E: the line-wise h is Equation 4 for d = 1 and between centered normal laws | `line_wise::line_wise_h_of_one_dimension_is_equation_4`, `line_wise_h_between_centered_normals_is_equation_4` |
//! | Appendix E: the line-wise h keeps rays and has an inverse, but for d ≥ 2 does not carry the law of Y to that of X | `line_wise::line_wise_h_keeps_rays_and_is_inverted`, `line_wise_h_does_not_carry_the_law_in_the_plane` |
//! | Figure 2: the labeling is an increasing permutation that pairs equal empirical distribution functions | `labeling::labeling_is_a_permutation`, `labeling_increases`, `labeled_points_share_their_empirical_cdf` |
//! | the labeling minimizes the sum of squared differences | `labeling::labeling_has_the_least_squared_distance` |
//! | Figure 2: the empirical h is the sorted labeling, and F_X⁻¹ ∘ F_Y for empirical F | `empirical::empirical_h_is_the_sorted_labeling`, `empirical_h_is_the_quantile_of_the_cdf` |
//! | Figure 2: the empirical h converges to h: \|F_X(hₙ(y)) − F_Y(y)\| ≤ 6.2/√n at all points | `empirical::empirical_h_converges_to_h` (false alarms below 2.4e-7) |
//! | the empirical cdf counts, and its quantile is the smallest point with enough of it | `empirical::empirical_cdf_is_the_share_at_or_below`, `empirical_quantile_is_the_smallest_point_of_enough_cdf`, `empirical_quantile_of_k_over_n_is_the_kth_smallest` |
//! | the swiss roll is a curve: its angle is found again, and no place on it is nearer than the one found | `swiss_roll::nearest_undoes_the_swiss_roll`, `nearest_is_the_least_distance_from_the_swiss_roll`, `arc_length_is_that_of_the_swiss_roll` |
//! | any bit pattern is answered by a number or an error | `…_answer_every_number`, `…_every_vector` |
//!
//! # Floating-point accuracy
//!
//! Everything is `f64`. `tests/golden.rs` compares with values of 50 digits.
//!
//! - Distribution and survival functions have relative errors below 5e-13 for probabilities from 1e-300 to 1 (chi laws:
//!   up to 3072 degrees of freedom). Near the median the errors are a few units of the last place; they grow with the
//!   logarithm of the probability. The rounding of (x − mean) / sd, of x / scale, and of x itself comes on top.
//! - Quantiles have relative errors below 2e-15, those of the chi law with 2 or more degrees of freedom below 2e-14, before
//!   a mean or an end of the support is added. `cdf(quantile(p))` and `sf(isf(p))` return p within 1e-12 for p from 1e-307
//!   to 1/2, where the law is centered at 0 or starts there (chi laws again up to 3072 degrees of freedom).
//! - A [`Mixture`] adds the errors of its components by their shares, and its quantile is the `f64` at which the computed sum
//!   reaches the probability.
//! - Empirical laws and maps are exact: ranks are integers, and a share is one division.
//! - [`LineMap`] integrates numerically to an estimated relative error of 1e-10; [`UnionMap`] has an absolute error of
//!   some 1e-16 in probability around its breaks. Their pages say more.
//! - The maps use the smaller of the two tails of a point. Their error is that of the probability, as the laws amplify it:
//!   with κ(y) = |y| · density / tail, a relative error ε of y becomes one of about ε · κ_Y(y) / κ_X(h(y)) in h(y).
//! - Exact images lie inside the open range, and so do computed ones: an image that rounding puts on a finite end is moved
//!   to the `f64` next to it.
//!
//! # Limitations
//!
//! - A point with less than 2.3e-308 of probability beyond it is an error ([`MapError::ProbabilityUnderflow`]), although
//!   the exact map has an image there: for N(0, 1) beyond ±37.5. In high dimensions the ball around 0 is as unlikely: with
//!   [`Chi`] of 100 degrees of freedom, norms below 0.005 · scale; [`RadialMap`] maps the zero vector alone without asking.
//! - Near an end of the support that is not 0 `f64` is coarse: a uniform law on (1, 2) has no point of rank below 1e-16.
//!   Neighboring points may then share an image, and h is increasing only in the wide sense. The same holds for points
//!   closer than the rounding of h; around the median, where the maps change from one tail to the other, two such points
//!   may even be swapped by the last place.
//! - A law whose support has gaps is no law of Theorem 2.1 and no [`Distribution`], but a [`UnionLaw`].
//! - The chi law takes up to 2²⁴ degrees of freedom. The rounding of x alone moves its probabilities by up to
//!   about 1e-16 · degrees in the lower tail.
//! - [`RadialMap`] keeps directions. If those of X are not uniform, only the law of the norm is met.

mod ball;
mod cdf_map;
mod distribution;
mod empirical;
mod error;
mod homeomorphism;
mod incomplete_gamma;
mod interval;
mod interval_union;
mod labeling;
mod laws;
mod line;
mod quadrature;
mod radial;
mod standard_normal;
mod swiss_roll;
mod union_map;

pub use ball::OpenBall;
pub use cdf_map::CdfMap;
pub use distribution::Distribution;
pub use empirical::{EmpiricalCdf, EmpiricalMap};
pub use error::{
    EmpiricalError, IntervalError, LabelingError, LineError, MapError, ParameterError, RadialError, Side,
    SwissRollError, UnionError,
};
pub use homeomorphism::Homeomorphism;
pub use interval::OpenInterval;
pub use interval_union::{Gap, IntervalUnion};
pub use labeling::sorted_labeling;
pub use laws::{Chi, Exponential, Mixture, Normal, Uniform, UnionLaw};
pub use line::{BallDensity, LineMap};
pub use radial::RadialMap;
pub use swiss_roll::{NearestAngle, SwissRoll};
pub use union_map::UnionMap;
