//! The homeomorphism h of Theorem 2.1 between a normal distribution and one with two modes, and its jump where the target has a gap:
//!
//!     cargo run --release -p gtn-math --example homeomorphism
#![allow(clippy::print_stdout)]

use gtn_math::{
    CdfMap, Distribution, Homeomorphism, Mixture, Normal, Uniform, UnionDistribution, UnionMap, sorted_labeling,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Y is normal. X has two modes, around -2 and 1.
    let x = Mixture::new([(0.3, Normal::new(-2.0, 0.5)?), (0.7, Normal::new(1.0, 1.0)?)])?;
    let h = CdfMap::new(Normal::standard(), x);
    println!("{:>6} {:>10} {:>10} {:>10} {:>10}", "y", "h(y)", "h⁻¹(h(y))", "F_Y(y)", "F_X(h(y))");
    for y in [-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0] {
        let x = h.forward(&y)?;
        let (rank_of_y, rank_of_x) = (h.source().cdf(y), h.target().cdf(x));
        println!("{y:>6.1} {x:>10.6} {:>10.6} {rank_of_y:>10.6} {rank_of_x:>10.6}", h.inverse(&x)?);
    }

    // X consists of two intervals (Appendix C): h jumps from one to the other, at the y below which half of Y lies.
    let x = UnionDistribution::new([(0.5, Uniform::new(-2.0, -1.0)?), (0.5, Uniform::new(1.0, 2.0)?)])?;
    let h = UnionMap::new(Normal::standard(), x)?;
    println!("\nto two intervals, h jumps at {:?}", h.discontinuities());
    for y in [-1e-6, 1e-6] {
        println!("h({y:e}) = {:.6}", h.forward(&y)?);
    }
    println!("h(0): {}", h.forward(&0.0).unwrap_err());

    // Without distributions, from two samples of equal size: the y of rank k is paired with the x of rank k (Figure 2).
    let (y, x) = ([0.3, -1.2, 2.0], [20.0, 10.0, 30.0]);
    let labels = sorted_labeling(&y, &x)?;
    for (y, label) in y.iter().zip(labels) {
        println!("y = {y} is paired with x = {}", x[label]);
    }
    Ok(())
}
