//! What the paper reports in its Table 2.

/// Training images of the complete data sets, as the paper used them.
pub(super) const COMPLETE: [(&str, usize); 2] = [("celeba", 162_770), ("hap", 8_903)];
/// Features of the paper's FID.
pub(super) const PAPER_DIMS: usize = 2048;

/// A row of the paper's Table 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaperRow {
    /// The experiment: `celeba` or `hap`.
    pub experiment: &'static str,
    /// The latent dimension.
    pub dim: usize,
    /// Inception Score of generated images.
    pub score: f64,
    /// Inception Score of real images.
    pub real_score: f64,
    /// FID of generated images.
    pub fid: f64,
}

/// The paper's Table 2.
pub(super) const PAPER: [PaperRow; 8] = [
    row("celeba", 10, [1.97, 1.95, 36.66]),
    row("celeba", 25, [1.93, 1.99, 32.11]),
    row("celeba", 50, [1.88, 2.06, 33.84]),
    row("celeba", 100, [1.86, 2.07, 36.43]),
    row("hap", 10, [1.90, 1.80, 81.50]),
    row("hap", 25, [2.63, 2.43, 88.85]),
    row("hap", 50, [2.64, 2.22, 88.34]),
    row("hap", 100, [2.37, 1.94, 124.62]),
];

/// What the paper reports for an experiment.
pub(super) fn paper(experiment: &str, dim: usize) -> Option<&'static PaperRow> {
    PAPER.iter().find(|row| row.experiment == experiment && row.dim == dim)
}

const fn row(experiment: &'static str, dim: usize, [score, real_score, fid]: [f64; 3]) -> PaperRow {
    PaperRow { experiment, dim, score, real_score, fid }
}
