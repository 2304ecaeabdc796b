/// A continuous bijection between two open sets whose inverse is continuous too.
///
/// Points are `f64` or `[f64]`; images are owned ([`ToOwned::Owned`]: `f64` or `Vec<f64>`). The trait is object safe once
/// its associated types are named. In floating point [`inverse`](Self::inverse) undoes [`forward`](Self::forward) up to
/// rounding; see the section on accuracy on the [front page](crate).
pub trait Homeomorphism {
    /// A point of either set.
    type Point: ToOwned + ?Sized;
    /// An open set of points.
    type Set;
    /// Why a point has no image.
    type Error: std::error::Error;

    /// The open set that is mapped.
    fn domain(&self) -> Self::Set;

    /// The open set that it is mapped onto.
    fn range(&self) -> Self::Set;

    /// The image of a point of the domain.
    ///
    /// # Errors
    ///
    /// The point does not lie in the domain, or its image cannot be computed in `f64`.
    fn forward(&self, y: &Self::Point) -> Result<<Self::Point as ToOwned>::Owned, Self::Error>;

    /// The point of the domain whose image is `x`.
    ///
    /// # Errors
    ///
    /// `x` does not lie in the range, or the point cannot be computed in `f64`.
    fn inverse(&self, x: &Self::Point) -> Result<<Self::Point as ToOwned>::Owned, Self::Error>;
}
