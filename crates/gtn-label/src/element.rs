//! The numbers that rows are made of.

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number that rows are made of: `f32` or `f64`.
pub trait Element: sealed::Sealed + Copy + Default + Send + Sync + Into<f64> + 'static {
    /// Whether the product of two of them is exact in `f64`.
    #[doc(hidden)]
    const EXACT: bool;
    /// The rows as rows of `f32`, if that is what they are.
    #[doc(hidden)]
    fn singles(rows: &[Self]) -> Option<&[f32]>;
}

impl Element for f32 {
    const EXACT: bool = true;

    fn singles(rows: &[Self]) -> Option<&[f32]> {
        Some(rows)
    }
}

impl Element for f64 {
    const EXACT: bool = false;

    fn singles(_: &[Self]) -> Option<&[f32]> {
        None
    }
}
