//! The theory of *Generative Topological Networks* ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)) in exact
//! formulas: continuous laws on the line with honest tails, the homeomorphism h = F_X⁻¹ ∘ F_Y that carries one law to
//! another (Theorem 2.1), its radial generalisation to more dimensions (Equation 4, Appendix D), and the sorted labelling (Figure 2)
//! that teaches a network the same map from samples alone. Numbers go in, numbers come out; there is no randomness, no file
//! and no tensor here.
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
//! [`RadialMap`] does the same for vectors, [`sorted_labelling`] for two samples whose laws nobody knows. A law of your own
//! is an implementation of [`Distribution`].
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
//! | Equation 4: h keeps directions and commutes with rotations | `radial::radial_map_keeps_directions`, `radial_map_commutes_with_rotations` |
//! | Equation 4: h is injective and onto the ball, h(0) = 0, and h is continuous at 0 | `radial::radial_inverse_undoes_the_map_on_both_sides`, `radial_map_is_injective_along_rays`, `radial_map_is_continuous_at_zero` |
//! | Equation 4: between centred normal laws h is scaling; in one dimension it is the map of the norms | `radial::radial_map_between_centred_normals_is_scaling`, `radial_map_of_one_dimension_is_the_map_of_norms` |
//! | Equation 4: h(Y) has the law of X if directions are uniform and independent of norms | `radial::radial_push_forward_of_the_normal_law_is_uniform_in_the_ball` |
//! | Figure 2: the labelling is an increasing permutation that pairs equal empirical distribution functions | `labelling::labelling_is_a_permutation`, `labelling_increases`, `labelled_points_share_their_empirical_cdf` |
//! | the labelling minimises the sum of squared differences | `labelling::labelling_has_the_least_squared_distance` |
//! | any bit pattern is answered by a number or an error | `bad_input::…_answer_every_number`, `…_every_vector` |
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
//!   to 1/2, where the law is centred at 0 or starts there (chi laws again up to 3072 degrees of freedom).
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
//!   Neighbouring points may then share an image, and h is increasing only in the wide sense. The same holds for points
//!   closer than the rounding of h; around the median, where the maps change from one tail to the other, two such points
//!   may even be swapped by the last place.
//! - A law whose support has gaps is no law of Theorem 2.1.
//! - The chi law takes up to 2²⁴ degrees of freedom. The rounding of x alone moves its probabilities by up to
//!   about 1e-16 · degrees in the lower tail.
//! - [`RadialMap`] keeps directions. If those of X are not uniform, only the law of the norm is met.

mod ball;
mod cdf_map;
mod distribution;
mod error;
mod homeomorphism;
mod incomplete_gamma;
mod interval;
mod labelling;
mod laws;
mod radial;
mod standard_normal;

pub use ball::OpenBall;
pub use cdf_map::CdfMap;
pub use distribution::Distribution;
pub use error::{IntervalError, LabellingError, MapError, ParameterError, RadialError, Side};
pub use homeomorphism::Homeomorphism;
pub use interval::OpenInterval;
pub use labelling::sorted_labelling;
pub use laws::{Chi, Exponential, Normal, Uniform};
pub use radial::RadialMap;
