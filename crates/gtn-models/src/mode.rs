/// Whether a network is being trained or evaluated. This determines how BatchNorm normalizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// BatchNorm normalizes by the statistics of the batch and updates its running statistics.
    Train,
    /// BatchNorm normalizes by its running statistics, so the output of a row does not depend on other rows.
    Evaluate,
}
