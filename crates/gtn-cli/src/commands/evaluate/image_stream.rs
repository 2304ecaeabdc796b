//! Images that are read or generated in parts.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use gtn_data::{ImageCollection, ImageHasher};
use gtn_models::{Autoencoder, Generator};
use gtn_train::HeldOutImages;
use ndarray::{Array2, Array4, ArrayView2, s};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::{memory, stop};

/// Images in one part: those that pass through a network at once.
pub(super) const BATCH_SIZE: usize = 50;

type Read = Box<dyn Fn(Range<usize>) -> Result<Array4<f32>, Failure>>;

/// Images of one size. Only the part that is used is in memory.
pub(super) struct ImageStream {
    len: usize,
    shape: [usize; 3],
    read: Read,
    /// Several networks need it, and it takes a pass over all images.
    fingerprint: OnceCell<String>,
}

impl ImageStream {
    fn new(
        len: usize,
        shape: [usize; 3],
        read: impl Fn(Range<usize>) -> Result<Array4<f32>, Failure> + 'static,
    ) -> Self {
        Self { len, shape, read: Box::new(read), fingerprint: OnceCell::new() }
    }

    pub(super) fn of_files(images: ImageCollection) -> Self {
        let (len, shape) = (images.len(), images.shape());
        Self::new(len, shape, move |rows| Ok(images.read(rows)?))
    }

    /// Generated images, decoded from latents.
    pub(super) fn generated(generator: Generator, latents: Array2<f32>) -> Result<Self, Failure> {
        let decode = move |latents: ArrayView2<'_, f32>| Ok(generator.decode(latents)?);
        Self::decoded(latents, decode)
    }

    /// Images that an autoencoder decodes from latents.
    pub(super) fn decoded_latents(autoencoder: Rc<Autoencoder>, latents: Array2<f32>) -> Result<Self, Failure> {
        Self::decoded(latents, move |latents| Ok(autoencoder.decode(latents)?))
    }

    fn decoded(
        latents: Array2<f32>,
        decode: impl Fn(ArrayView2<'_, f32>) -> Result<Array4<f32>, Failure> + 'static,
    ) -> Result<Self, Failure> {
        let first = decode(latents.slice(s![..1, ..]))?;
        let (_, channels, height, width) = first.dim();
        let len = latents.nrows();
        let read = move |rows: Range<usize>| decode(latents.slice(s![rows, ..]));
        Ok(Self::new(len, [channels, height, width], read))
    }

    pub(super) fn held_out(images: Rc<HeldOutImages>) -> Self {
        let (len, shape) = (images.len(), images.shape());
        Self::new(len, shape, move |rows| Ok(images.read(&rows.collect::<Vec<_>>())))
    }

    /// Held-out images after the autoencoder: the best that its decoder allows.
    pub(super) fn reconstructed(
        autoencoder: Rc<Autoencoder>,
        images: Rc<HeldOutImages>,
        positions: Vec<usize>,
    ) -> Self {
        let (len, shape) = (positions.len(), images.shape());
        let read = move |rows: Range<usize>| {
            let latents = autoencoder.encode(images.read(&positions[rows]).view())?;
            Ok(autoencoder.decode(latents.view())?)
        };
        Self::new(len, shape, read)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Channels, height, width.
    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    pub(super) fn values_per_image(&self) -> usize {
        self.shape.iter().product()
    }

    /// Calls `each` with one part of these images after the other.
    pub(super) fn for_each_part(
        &self,
        rows: Range<usize>,
        task: &str,
        progress: &mut Progress,
        mut each: impl FnMut(Array4<f32>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        progress.begin(task);
        let count = rows.len() as u64;
        for start in rows.clone().step_by(BATCH_SIZE) {
            if stop::requested() {
                return Err(Failure::Stopped("stopped; nothing was written".to_owned()));
            }
            progress.show(task, ((start - rows.start) as u64, count, "images"), "");
            each((self.read)(start..rows.end.min(start + BATCH_SIZE))?)?;
        }
        progress.end();
        Ok(())
    }

    /// The SHA-256 of shape and values.
    pub(super) fn fingerprint(&self, progress: &mut Progress) -> Result<String, Failure> {
        if let Some(fingerprint) = self.fingerprint.get() {
            return Ok(fingerprint.clone());
        }
        let mut hasher = ImageHasher::new(self.len, self.shape);
        self.for_each_part(0..self.len, "read", progress, |images| {
            hasher.update(images.view());
            Ok(())
        })?;
        Ok(self.fingerprint.get_or_init(|| hasher.finish()).clone())
    }

    /// The values of the first `count` images, one image per row.
    pub(super) fn rows(&self, count: usize, progress: &mut Progress) -> Result<Array2<f32>, Failure> {
        let advice = "compare fewer images, or Inception features, which are read in parts";
        memory::require(
            count.saturating_mul(self.values_per_image()),
            &format!("the pixels of {count} images"),
            advice,
        )?;
        let mut values = Vec::with_capacity(count * self.values_per_image());
        self.for_each_part(0..count, "read", progress, |images| {
            values.extend(images.iter());
            Ok(())
        })?;
        Ok(Array2::from_shape_vec((count, self.values_per_image()), values)?)
    }
}
