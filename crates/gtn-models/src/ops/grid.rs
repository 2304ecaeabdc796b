//! Images as the convolutions of this module see them: channels last, in a frame of zeros, or as cells of 2 × 2 pixels.
//!
//! A convolution of kernel 4, stride 2, padding 1 joins a fine grid of side 2s to a coarse one of side s. In the frame, which
//! is one pixel wide, the patch of a coarse pixel starts at twice its row and column. Taken as cells of 2 × 2 pixels, the
//! frame is a grid on which the same convolution has kernel 2 and stride 1.

/// Kernel of every convolution here.
pub(crate) const KERNEL: usize = 4;

/// The two grids of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Side of the coarse grid.
    pub(crate) side: usize,
    /// Channels of the fine grid.
    pub(crate) fine: usize,
    /// Channels of the coarse grid.
    pub(crate) coarse: usize,
}

impl Grid {
    /// Numbers of the fine image.
    pub(crate) fn fine_len(&self) -> usize {
        4 * self.side * self.side * self.fine
    }

    /// Pixels of the coarse image.
    pub(crate) fn pixels(&self) -> usize {
        self.side * self.side
    }

    /// Numbers of the coarse image.
    pub(crate) fn coarse_len(&self) -> usize {
        self.pixels() * self.coarse
    }

    /// Side of the frame.
    fn frame_side(&self) -> usize {
        2 * self.side + 2
    }

    /// Numbers of the frame.
    pub(crate) fn frame_len(&self) -> usize {
        self.frame_side() * self.frame_side() * self.fine
    }

    /// Numbers of a patch.
    pub(crate) fn patch(&self) -> usize {
        KERNEL * KERNEL * self.fine
    }

    /// Where the numbers of a fine pixel lie in the frame.
    fn in_frame(&self, y: usize, x: usize) -> usize {
        ((y + 1) * self.frame_side() + x + 1) * self.fine
    }

    /// Puts a fine image, channels first, into its frame. The edge is left as it is.
    pub(crate) fn enter_frame(&self, frame: &mut [f32], image: &[f32], value: impl Fn(usize, f32) -> f32) {
        let side = 2 * self.side;
        for (channel, plane) in image.chunks_exact(side * side).enumerate() {
            for (y, row) in plane.chunks_exact(side).enumerate() {
                let start = self.in_frame(y, 0) + channel;
                let index = (channel * side + y) * side;
                for (x, pixel) in row.iter().enumerate() {
                    frame[start + x * self.fine] = value(index + x, *pixel);
                }
            }
        }
    }

    /// Takes a fine image, channels first, out of its frame.
    pub(crate) fn leave_frame(&self, image: &mut [f32], frame: &[f32], value: impl Fn(usize, f32) -> f32) {
        let side = 2 * self.side;
        for (channel, plane) in image.chunks_exact_mut(side * side).enumerate() {
            for (y, row) in plane.chunks_exact_mut(side).enumerate() {
                let start = self.in_frame(y, 0) + channel;
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = value(channel, frame[start + x * self.fine]);
                }
            }
        }
    }

    /// The patch of each coarse pixel as a row: (ky, kx, channel).
    pub(crate) fn patches(&self, rows: &mut [f32], frame: &[f32]) {
        let run = KERNEL * self.fine;
        for (pixel, row) in rows.chunks_exact_mut(self.patch()).enumerate() {
            let (y, x) = (2 * (pixel / self.side), 2 * (pixel % self.side));
            for (ky, part) in row.chunks_exact_mut(run).enumerate() {
                let start = ((y + ky) * self.frame_side() + x) * self.fine;
                part.copy_from_slice(&frame[start..start + run]);
            }
        }
    }

    /// Adds the rows of patches up where they lie in the frame, which is cleared before.
    pub(crate) fn lay_patches(&self, frame: &mut [f32], rows: &[f32]) {
        frame.fill(0.0);
        let run = KERNEL * self.fine;
        for (pixel, row) in rows.chunks_exact(self.patch()).enumerate() {
            let (y, x) = (2 * (pixel / self.side), 2 * (pixel % self.side));
            for (ky, part) in row.chunks_exact(run).enumerate() {
                let start = ((y + ky) * self.frame_side() + x) * self.fine;
                frame[start..start + run].iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
            }
        }
    }

    /// A kernel's weights, (coarse, fine, ky, kx), as the matrix that patches are multiplied with: (patch, coarse).
    pub(crate) fn patch_matrix(&self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        for (coarse, channels) in weight.chunks_exact(self.patch()).enumerate() {
            for (index, value) in channels.iter().enumerate() {
                matrix[self.patch_row(index) * self.coarse + coarse] = *value;
            }
        }
        matrix
    }

    /// The way back from [`patch_matrix`](Self::patch_matrix): the number of each weight in its own order.
    pub(crate) fn weights_of_patch_matrix<'a>(&'a self, matrix: &'a [f32]) -> impl ExactSizeIterator<Item = f32> + 'a {
        (0..matrix.len()).map(move |index| {
            let (coarse, within) = (index / self.patch(), index % self.patch());
            matrix[self.patch_row(within) * self.coarse + coarse]
        })
    }

    /// The row of the patch matrix for a weight's place (fine, ky, kx) within its kernel.
    fn patch_row(&self, within: usize) -> usize {
        within % (KERNEL * KERNEL) * self.fine + within / (KERNEL * KERNEL)
    }

    /// Numbers of a cell.
    pub(crate) fn cell(&self) -> usize {
        4 * self.fine
    }

    /// Tiles of 2 × 2 coarse pixels along a side; the last one may stick out.
    pub(crate) fn tiles_along(&self) -> usize {
        self.side.div_ceil(2)
    }

    /// Cells along a side, those included that only tiles that stick out need.
    pub(crate) fn cells_along(&self) -> usize {
        2 * self.tiles_along() + 1
    }

    /// Numbers of all cells.
    pub(crate) fn cells_len(&self) -> usize {
        self.cells_along() * self.cells_along() * self.cell()
    }

    /// Where the numbers of a fine pixel lie among the cells.
    pub(crate) fn in_cells(&self, y: usize, x: usize) -> usize {
        let cell = y.div_ceil(2) * self.cells_along() + x.div_ceil(2);
        let quarter = (y + 1) % 2 * 2 + (x + 1) % 2;
        cell * self.cell() + quarter * self.fine
    }
}
