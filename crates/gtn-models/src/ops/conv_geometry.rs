//! Layouts of images for the convolutions: padded, as patches, and as cells.
//!
//! All convolutions here have kernel 4, stride 2, padding 1. Each connects a fine image of side 2s with a coarse image of side
//! s; a transposed convolution does the same in the other direction. There are three layouts of the fine image:
//!
//! - padded: channels last, with a border of zeros one pixel wide. The patch of a coarse pixel starts at twice its row and
//!   column.
//! - patches (im2col): one row for each coarse pixel, so that the convolution is a matrix product.
//! - cells: the padded image divided into cells of 2 × 2 pixels. On the grid of cells, the same convolution has kernel 2 and
//!   stride 1.

/// Kernel size of all convolutions.
pub(crate) const KERNEL: usize = 4;

/// Sizes of the fine and the coarse image of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvGeometry {
    /// Side of the coarse image in pixels. The side of the fine image is twice this.
    pub(crate) coarse_side: usize,
    /// Channels of the fine image.
    pub(crate) fine_channels: usize,
    /// Channels of the coarse image.
    pub(crate) coarse_channels: usize,
}

impl ConvGeometry {
    /// Number of values in the fine image.
    pub(crate) fn fine_len(&self) -> usize {
        4 * self.coarse_side * self.coarse_side * self.fine_channels
    }

    /// Number of pixels in the coarse image.
    pub(crate) fn pixels(&self) -> usize {
        self.coarse_side * self.coarse_side
    }

    /// Number of values in the coarse image.
    pub(crate) fn coarse_len(&self) -> usize {
        self.pixels() * self.coarse_channels
    }

    /// Side of the padded fine image in pixels.
    fn padded_side(&self) -> usize {
        2 * self.coarse_side + 2
    }

    /// Number of values in the padded fine image.
    pub(crate) fn padded_len(&self) -> usize {
        self.padded_side() * self.padded_side() * self.fine_channels
    }

    /// Number of values in a patch.
    pub(crate) fn patch_len(&self) -> usize {
        KERNEL * KERNEL * self.fine_channels
    }

    /// Offset of a fine pixel in the padded image.
    fn padded_offset(&self, y: usize, x: usize) -> usize {
        ((y + 1) * self.padded_side() + x + 1) * self.fine_channels
    }

    /// Writes a fine image, channels first, into the padded layout, with `value` applied to each index and pixel. The border
    /// is not written.
    pub(crate) fn pad(&self, padded: &mut [f32], image: &[f32], value: impl Fn(usize, f32) -> f32) {
        let side = 2 * self.coarse_side;
        for (channel, plane) in image.chunks_exact(side * side).enumerate() {
            for (y, row) in plane.chunks_exact(side).enumerate() {
                let start = self.padded_offset(y, 0) + channel;
                let index = (channel * side + y) * side;
                for (x, pixel) in row.iter().enumerate() {
                    padded[start + x * self.fine_channels] = value(index + x, *pixel);
                }
            }
        }
    }

    /// Copies a fine image, channels first, from the padded layout, with `value` applied to each channel and pixel.
    pub(crate) fn unpad(&self, image: &mut [f32], padded: &[f32], value: impl Fn(usize, f32) -> f32) {
        let side = 2 * self.coarse_side;
        for (channel, plane) in image.chunks_exact_mut(side * side).enumerate() {
            for (y, row) in plane.chunks_exact_mut(side).enumerate() {
                let start = self.padded_offset(y, 0) + channel;
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = value(channel, padded[start + x * self.fine_channels]);
                }
            }
        }
    }

    /// Writes the patch of each coarse pixel as a row (ky, kx, channel).
    pub(crate) fn im2col(&self, rows: &mut [f32], padded: &[f32]) {
        let run = KERNEL * self.fine_channels;
        for (pixel, row) in rows.chunks_exact_mut(self.patch_len()).enumerate() {
            let (y, x) = (2 * (pixel / self.coarse_side), 2 * (pixel % self.coarse_side));
            for (ky, part) in row.chunks_exact_mut(run).enumerate() {
                let start = ((y + ky) * self.padded_side() + x) * self.fine_channels;
                part.copy_from_slice(&padded[start..start + run]);
            }
        }
    }

    /// The transpose of [`im2col`](Self::im2col): clears the padded image and adds the patches to it.
    pub(crate) fn col2im(&self, padded: &mut [f32], rows: &[f32]) {
        padded.fill(0.0);
        let run = KERNEL * self.fine_channels;
        for (pixel, row) in rows.chunks_exact(self.patch_len()).enumerate() {
            let (y, x) = (2 * (pixel / self.coarse_side), 2 * (pixel % self.coarse_side));
            for (ky, part) in row.chunks_exact(run).enumerate() {
                let start = ((y + ky) * self.padded_side() + x) * self.fine_channels;
                padded[start..start + run].iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
            }
        }
    }

    /// The matrix by which patches are multiplied, (patch, coarse), from a kernel's weights, (coarse, fine, ky, kx).
    pub(crate) fn patch_matrix(&self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        for (coarse, channels) in weight.chunks_exact(self.patch_len()).enumerate() {
            for (index, value) in channels.iter().enumerate() {
                matrix[self.patch_row(index) * self.coarse_channels + coarse] = *value;
            }
        }
        matrix
    }

    /// The inverse of [`patch_matrix`](Self::patch_matrix): the weights in their own order.
    pub(crate) fn weights_from_patch_matrix<'a>(
        &'a self,
        matrix: &'a [f32],
    ) -> impl ExactSizeIterator<Item = f32> + 'a {
        (0..matrix.len()).map(move |index| {
            let (coarse, within) = (index / self.patch_len(), index % self.patch_len());
            matrix[self.patch_row(within) * self.coarse_channels + coarse]
        })
    }

    /// The row of the patch matrix for the index of a weight, (fine, ky, kx), within its kernel.
    fn patch_row(&self, within: usize) -> usize {
        within % (KERNEL * KERNEL) * self.fine_channels + within / (KERNEL * KERNEL)
    }

    /// Number of values in a cell.
    pub(crate) fn cell_len(&self) -> usize {
        4 * self.fine_channels
    }

    /// Number of tiles of 2 × 2 coarse pixels along a side. The last tile may extend beyond the image.
    pub(crate) fn tiles_per_side(&self) -> usize {
        self.coarse_side.div_ceil(2)
    }

    /// Number of cells along a side, including those that are needed only by tiles beyond the image.
    pub(crate) fn cells_per_side(&self) -> usize {
        2 * self.tiles_per_side() + 1
    }

    /// Number of values in all cells.
    pub(crate) fn cells_len(&self) -> usize {
        self.cells_per_side() * self.cells_per_side() * self.cell_len()
    }

    /// Offset of a fine pixel in the cells.
    pub(crate) fn cell_offset(&self, y: usize, x: usize) -> usize {
        let cell = y.div_ceil(2) * self.cells_per_side() + x.div_ceil(2);
        let quarter = (y + 1) % 2 * 2 + (x + 1) % 2;
        cell * self.cell_len() + quarter * self.fine_channels
    }
}
