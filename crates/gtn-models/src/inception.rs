//! InceptionV3, whose features and classes the Inception Score, FID and KID compare.

mod architecture;
mod graph;
mod host;
mod resize;
#[cfg(test)]
mod tests;
mod variant;
mod weights;

use std::path::Path;

use candle_core::Device;
use ndarray::{Array2, ArrayD, ArrayView4, Axis};
use rayon::prelude::*;

use self::architecture::{Block, FEATURES, SIDE};
use self::graph::GraphConvolution;
use self::host::{Activations, HostConvolution, Scratch};
pub use self::variant::{InceptionOutput, InceptionVariant};
use self::weights::{Classifier, Weights};
use crate::ops::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use crate::{Error, NamedArrays, Ops, Result, StateDict, Streams, to_array2, to_tensor};

impl InceptionVariant {
    /// The names and shapes of all tensors of the network, as in PyTorch's state dict, without the auxiliary classifier.
    #[must_use]
    pub fn tensors(self) -> Vec<(String, Vec<usize>)> {
        weights::tensors(self)
    }

    /// Random weights, normal with variance 2/fan_in (He et al. 2015), so that values neither grow nor vanish from layer to layer;
    /// BatchNorm is the identity up to its eps. They measure speed and compare devices, and are of no use for metrics.
    #[must_use]
    pub fn random_weights(self, streams: &Streams) -> NamedArrays {
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let fan_in = shape.iter().skip(1).product::<usize>();
            let array = if shape.len() > 1 {
                let values = streams.normal(&name, 0, shape[0], fan_in) * (2.0 / fan_in as f32).sqrt();
                values.into_shape_with_order(shape).expect("as many values as the shape has")
            } else {
                let is_scale = name.ends_with("bn.weight") || name.ends_with("running_var");
                ArrayD::from_elem(shape, if is_scale { 1.0 } else { 0.0 })
            };
            (name, array)
        };
        self.tensors().into_iter().map(tensor).collect()
    }
}

/// InceptionV3 (Szegedy et al. 2016, arXiv 1512.00567) for evaluation: it maps images to features and to logits of classes.
///
/// Images of any size are resized to 299 × 299 pixels, bilinearly and without antialiasing, as `torch.nn.functional.interpolate`
/// does it with `align_corners=False`, and gray images become RGB. BatchNorm is folded into the convolutions once. On a CPU,
/// a few images at a time pass through all layers, so the memory does not depend on the size of the batch; on other devices
/// and with [`Ops::Candle`], the network consists of Candle's operations.
///
/// The weights are those of PyTorch, as `gtn data fetch inception` downloads them, or random ones:
///
/// ```
/// use gtn_models::ndarray::Array4;
/// use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant, Streams};
///
/// let variant = InceptionVariant::Fid;
/// let weights = variant.random_weights(&Streams::new(1)); // or `InceptionV3::load` from a file
/// let network = InceptionV3::new(variant, &weights, &Device::Cpu)?;
/// let images = Array4::zeros((2, 3, 64, 64)); // in [−1, 1]
/// let outputs = network.forward(images.view(), &[InceptionOutput::Features64, InceptionOutput::Features192])?;
/// assert_eq!((outputs[0].dim(), outputs[1].dim()), ((2, 64), (2, 192)));
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug)]
pub struct InceptionV3 {
    variant: InceptionVariant,
    network: Network,
    classifier: Option<Classifier>,
    /// The missing tensors, each with the index of its block.
    missing: Vec<(usize, String)>,
    weights_sha256: Option<String>,
}

/// The blocks before the first one whose weights are incomplete.
#[derive(Debug)]
enum Network {
    Host(Vec<Block<HostConvolution>>),
    Candle(Vec<Block<GraphConvolution>>, Device),
}

/// Blocks at whose resolution the values of several images would not fit into a cache.
const STEM_BLOCKS: usize = 2;
/// Images that pass through the other blocks together. It does not depend on the number of threads, and neither do the results.
const IMAGES_AT_ONCE: usize = 5;

impl InceptionV3 {
    /// Reads the weights from a PyTorch file or a safetensors file, as [`StateDict::read`] and [`new`](Self::new) do.
    ///
    /// # Errors
    ///
    /// [`Error::File`] names the file and what is wrong with it.
    pub fn load(path: impl AsRef<Path>, variant: InceptionVariant, device: &Device) -> Result<Self> {
        let mut file = StateDict::read(path.as_ref())?;
        let shapes: Vec<(String, Vec<usize>)> =
            file.names().filter_map(|name| Some((name.to_owned(), file.shape(name)?.to_vec()))).collect();
        let arrays = shapes.into_iter().map(|(name, shape)| {
            let array = file.take(&name, &shape)?;
            Ok((name, array))
        });
        let arrays = arrays.collect::<Result<NamedArrays>>()?;
        let network = Self::new(variant, &arrays, device).map_err(|error| file.malformed(error.to_string()))?;
        Ok(Self { weights_sha256: Some(file.sha256().to_owned()), ..network })
    }

    /// The network with these weights, which have the names of PyTorch's state dict. BatchNorm may already be folded: then each
    /// convolution has a weight and a bias with its own name.
    ///
    /// The weights may be incomplete; then the outputs before the first incomplete block are available
    /// ([`missing`](Self::missing)).
    ///
    /// # Errors
    ///
    /// [`Error::WeightShape`], [`Error::NotFinite`], [`Error::NotPositive`] if a weight does not fit;
    /// [`Error::UnexpectedWeight`] for a tensor that is not part of the network.
    pub fn new(variant: InceptionVariant, weights: &NamedArrays, device: &Device) -> Result<Self> {
        Self::with_ops(variant, weights, device, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(variant: InceptionVariant, weights: &NamedArrays, device: &Device, ops: Ops) -> Result<Self> {
        let Weights { blocks, classifier, missing } = Weights::read(variant, weights)?;
        let network = if ops == Ops::Fused && device.is_cpu() {
            let mut on_host = |folded: &weights::Folded| Ok::<_, Error>(HostConvolution::new(folded));
            Network::Host(blocks.iter().map(|block| block.try_map(&mut on_host)).collect::<Result<_>>()?)
        } else {
            let mut in_graph = |folded: &weights::Folded| GraphConvolution::new(folded, device);
            let blocks = blocks.iter().map(|block| block.try_map(&mut in_graph)).collect::<Result<_>>()?;
            Network::Candle(blocks, device.clone())
        };
        Ok(Self { variant, network, classifier, missing, weights_sha256: None })
    }

    /// Which network it is.
    #[must_use]
    pub fn variant(&self) -> InceptionVariant {
        self.variant
    }

    /// SHA-256 of the file that the weights were read from, in hexadecimal.
    #[must_use]
    pub fn weights_sha256(&self) -> Option<&str> {
        self.weights_sha256.as_deref()
    }

    /// The tensors that are missing for this output; none if it is available.
    #[must_use]
    pub fn missing(&self, output: InceptionOutput) -> Vec<&str> {
        let end = self.blocks_for(output);
        let is_needed = |index: usize| index < end || (output == InceptionOutput::Logits && index == end);
        self.missing.iter().filter(|(index, _)| is_needed(*index)).map(|(_, name)| name.as_str()).collect()
    }

    /// What is missing for this output, as in "lacks `fc.weight` and 1 other tensor, which its output logits needs"; `None` if it is
    /// available.
    #[must_use]
    pub fn lack(&self, output: InceptionOutput) -> Option<String> {
        let missing = self.missing(output);
        let first = missing.first()?;
        let others = match missing.len() - 1 {
            0 => String::new(),
            1 => " and 1 other tensor".to_owned(),
            others => format!(" and {others} other tensors"),
        };
        Some(format!("lacks `{first}`{others}, which its output {output} needs"))
    }

    /// Number of values of an output for one image.
    #[must_use]
    pub fn output_len(&self, output: InceptionOutput) -> usize {
        match output {
            InceptionOutput::Features64 => 64,
            InceptionOutput::Features192 => 192,
            InceptionOutput::Features768 => 768,
            InceptionOutput::Features2048 => FEATURES,
            InceptionOutput::Logits => self.variant.classes(),
        }
    }

    /// Number of blocks that an output depends on.
    fn blocks_for(&self, output: InceptionOutput) -> usize {
        let features = if output == InceptionOutput::Logits { InceptionOutput::Features2048 } else { output };
        let all = architecture::blocks(self.variant);
        1 + all.iter().position(|block| block.output == Some(features)).expect("each of the features is an output")
    }

    /// The outputs for images, shape (n, 1 or 3, H, W) with values in [−1, 1]: one pass through the network. Each has shape
    /// (n, [`output_len`](Self::output_len)).
    ///
    /// # Errors
    ///
    /// [`Error::PartialWeights`] if the weights do not suffice, [`Error::Channels`] if the images do not have one or three
    /// channels, [`Error::Device`] if the device fails.
    pub fn forward(&self, images: ArrayView4<'_, f32>, outputs: &[InceptionOutput]) -> Result<Vec<Array2<f32>>> {
        for &output in outputs {
            let missing = self.missing(output);
            if !missing.is_empty() {
                let missing = missing.into_iter().map(str::to_owned).collect();
                return Err(Error::PartialWeights { output, missing });
            }
        }
        let (n, channels, height, width) = images.dim();
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 {
            return Err(Error::Channels { found: [channels, height, width] });
        }
        let depth = outputs.iter().map(|output| self.blocks_for(*output)).max().unwrap_or(0);
        if n == 0 {
            return Ok(outputs.iter().map(|output| Array2::zeros((0, self.output_len(*output)))).collect());
        }
        let mut features: Vec<(InceptionOutput, Array2<f32>)> = match &self.network {
            Network::Host(blocks) => on_host(&blocks[..depth], images, |_, _| {}),
            Network::Candle(blocks, device) => in_graph(&blocks[..depth], images, device)?,
        };
        if outputs.contains(&InceptionOutput::Logits) {
            let last = features.iter().find(|(output, _)| *output == InceptionOutput::Features2048);
            if let (Some((_, last)), Some(classifier)) = (last, &self.classifier) {
                features.push((InceptionOutput::Logits, classifier.forward(last)));
            }
        }
        let found = |output| {
            let found = features.iter().find(|(found, _)| found == output);
            found.expect("its blocks were computed, and the weights of the classifier exist").1.clone()
        };
        Ok(outputs.iter().map(found).collect())
    }
}

impl Classifier {
    /// The logits for features, (n, 2048).
    fn forward(&self, features: &Array2<f32>) -> Array2<f32> {
        let (n, classes) = (features.nrows(), self.bias.len());
        let mut logits = Array2::from_shape_fn((n, classes), |(_, class)| self.bias[class]);
        let rows = features.as_standard_layout();
        multiply(
            MatrixMut::row_major(logits.as_slice_mut().expect("a new array is contiguous"), n, classes),
            Write::Add,
            Matrix::row_major(rows.as_slice().expect("in standard layout"), n, FEATURES),
            Matrix::row_major(&self.weight, classes, FEATURES).transposed(),
            Threads::All,
        );
        logits
    }
}

/// The features of these blocks. `on_block` is called with the name of each block and its output.
fn on_host(
    blocks: &[Block<HostConvolution>],
    images: ArrayView4<'_, f32>,
    on_block: impl Fn(&str, &Activations) + Sync,
) -> Vec<(InceptionOutput, Array2<f32>)> {
    let (stem, rest) = blocks.split_at(STEM_BLOCKS.min(blocks.len()));
    let group = |scratch: &mut Scratch, images: ArrayView4<'_, f32>| {
        let mut features: Vec<Vec<f32>> =
            vec![Vec::new(); blocks.iter().filter(|block| block.output.is_some()).count()];
        let mut joined = None;
        for (index, image) in images.outer_iter().enumerate() {
            let mut x = scratch.activations(1, (SIDE, SIDE), 3);
            resize::resize(image, &mut x.values);
            for (block, features) in stem.iter().zip(&mut features) {
                let output = block.forward(&x, scratch);
                scratch.put(std::mem::replace(&mut x, output).values);
                features.extend(x.means());
                on_block(block.name, &x);
            }
            // In memory of the scratch, which would grow with each group otherwise.
            let all: &mut Activations = joined
                .get_or_insert_with(|| scratch.activations(images.len_of(Axis(0)), (x.height, x.width), x.channels));
            all.values[index * x.values.len()..][..x.values.len()].copy_from_slice(&x.values);
            scratch.put(x.values);
        }
        let Some(mut joined) = joined else { return features };
        let mut features_of_rest = features.iter_mut().skip(stem.len());
        for block in rest {
            let output = block.forward(&joined, scratch);
            scratch.put(std::mem::replace(&mut joined, output).values);
            if block.output.is_some() {
                features_of_rest.next().expect("one for each output").extend(joined.means());
            }
            on_block(block.name, &joined);
        }
        scratch.put(joined.values);
        features
    };
    let groups: Vec<ArrayView4<'_, f32>> = images.axis_chunks_iter(Axis(0), IMAGES_AT_ONCE).collect();
    let groups: Vec<Vec<Vec<f32>>> = groups.into_par_iter().map_init(Scratch::default, group).collect();
    let outputs = blocks.iter().filter_map(|block| block.output);
    outputs
        .enumerate()
        .map(|(index, output)| {
            let values: Vec<f32> = groups.iter().flat_map(|features| &features[index]).copied().collect();
            let shape = (images.len_of(Axis(0)), values.len() / images.len_of(Axis(0)));
            (output, Array2::from_shape_vec(shape, values).expect("each image has the same number of features"))
        })
        .collect()
}

fn in_graph(
    blocks: &[Block<GraphConvolution>],
    images: ArrayView4<'_, f32>,
    device: &Device,
) -> Result<Vec<(InceptionOutput, Array2<f32>)>> {
    let mut x = to_tensor(images, device)?;
    if images.len_of(Axis(1)) == 1 {
        x = x.repeat((1, 3, 1, 1))?;
    }
    x = x.upsample_bilinear2d(SIDE, SIDE, false)?;
    let mut features = Vec::new();
    for block in blocks {
        x = block.forward_in_graph(&x)?;
        if let Some(output) = block.output {
            features.push((output, to_array2(&x.mean((2, 3))?)?));
        }
    }
    Ok(features)
}
