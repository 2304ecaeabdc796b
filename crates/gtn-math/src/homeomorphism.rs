/// A continuous bijection between two open sets with a continuous inverse.
///
/// Points are `f64` or `[f64]`; images are owned ([`ToOwned::Owned`]: `f64` or `Vec<f64>`). The trait is dyn compatible
/// once its associated types are specified. In floating point, [`inverse`](Self::inverse) undoes
/// [`forward`](Self::forward) up to rounding; see the section on accuracy on the [front page](crate).
pub trait Homeomorphism {
    /// A point of either set.
    type Point: ToOwned + ?Sized;
    /// An open set of points.
    type Set;
    /// Why a point has no image.
    type Error: std::error::Error;

    /// The open set that is mapped from.
    fn domain(&self) -> Self::Set;

    /// The open set that is mapped onto.
    fn range(&self) -> Self::Set;

    /// The image of a point of the domain.
    ///
    /// # Errors
    ///
    /// The point is not in the domain, or its image cannot be computed in `f64`.
    fn forward(&self, y: &Self::Point) -> Result<<Self::Point as ToOwned>::Owned, Self::Error>;

    /// The point of the domain whose image is `x`.
    ///
    /// # Errors
    ///
    /// `x` is not in the range, or the point cannot be computed in `f64`.
    fn inverse(&self, x: &Self::Point) -> Result<<Self::Point as ToOwned>::Owned, Self::Error>;
}
