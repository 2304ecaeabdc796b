//! The types of the entries of rows.

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The type of the entries of rows: `f32` or `f64`.
pub trait Element: sealed::Sealed + Copy + Default + Send + Sync + Into<f64> + 'static {
    /// Whether the product of two values is exact in `f64`.
    #[doc(hidden)]
    const EXACT_PRODUCTS: bool;
    /// The values as `f32`, if that is their type.
    #[doc(hidden)]
    fn as_f32(values: &[Self]) -> Option<&[f32]>;
}

impl Element for f32 {
    const EXACT_PRODUCTS: bool = true;

    fn as_f32(values: &[Self]) -> Option<&[f32]> {
        Some(values)
    }
}

impl Element for f64 {
    const EXACT_PRODUCTS: bool = false;

    fn as_f32(_: &[Self]) -> Option<&[f32]> {
        None
    }
}
