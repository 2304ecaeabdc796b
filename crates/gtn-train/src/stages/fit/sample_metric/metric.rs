//! A metric of samples.

use gtn_models::H;

use crate::Result;

/// A metric of samples. The same normal vectors are used after each epoch, so that only ĥ differs.
pub(in crate::stages::fit) trait SampleMetric {
    /// Its value for the present weights. If `stop` returns true, the result may be [`Error::Stopped`](crate::Error::Stopped).
    fn measure(&self, h: &H, stop: &dyn Fn() -> bool) -> Result<f64>;
}
