//! The layers of InceptionV3 (Szegedy et al. 2016, arXiv 1512.00567), as data.

use super::variant::{InceptionOutput, InceptionVariant};

/// Height and width of the images that the network sees.
pub(super) const SIDE: usize = 299;
/// Length of the last features.
pub(super) const FEATURES: usize = 2048;
/// Kernel size of every pooling layer.
pub(super) const POOL_KERNEL: usize = 3;

/// A convolution, followed by BatchNorm and ReLU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Convolution {
    /// The name that its tensors start with.
    pub(super) name: String,
    /// Number of input channels.
    pub(super) input: usize,
    /// Number of output channels.
    pub(super) output: usize,
    /// Kernel height and width.
    pub(super) kernel: (usize, usize),
    pub(super) stride: usize,
    /// Rows of zeros above and below, and columns of zeros left and right.
    pub(super) padding: (usize, usize),
}

impl Convolution {
    /// Shape of the weights, as PyTorch stores them.
    pub(super) fn weight_shape(&self) -> [usize; 4] {
        [self.output, self.input, self.kernel.0, self.kernel.1]
    }

    /// Number of values of the input that an output value depends on.
    pub(super) fn patch_len(&self) -> usize {
        self.input * self.kernel.0 * self.kernel.1
    }
}

/// What a pooling layer computes of 3 × 3 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolKind {
    Max,
    /// The mean of the pixels, with padding counted as zeros.
    Average,
    /// The mean of the pixels inside the image.
    AverageInside,
}

/// A pooling layer with kernel 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pool {
    pub(super) kind: PoolKind,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

/// A layer with convolutions of the type `C`.
#[derive(Debug, Clone)]
pub(super) enum Layer<C> {
    Convolution(C),
    Pool(Pool),
    /// Layers that all have the same input, and whose outputs are concatenated along the channels.
    Branches(Vec<Vec<Layer<C>>>),
}

/// A part of the network.
#[derive(Debug, Clone)]
pub(super) struct Block<C> {
    /// The name that PyTorch's tensors of this block start with, or for the first two that of its first convolution.
    pub(super) name: &'static str,
    pub(super) layers: Vec<Layer<C>>,
    /// The features that are the mean of its output over all pixels.
    pub(super) output: Option<InceptionOutput>,
}

/// Calls `work` for each convolution of the layers, in their order.
pub(super) fn for_each_convolution<'a, C>(layers: &'a [Layer<C>], work: &mut dyn FnMut(&'a C)) {
    for layer in layers {
        match layer {
            Layer::Convolution(convolution) => work(convolution),
            Layer::Pool(_) => {}
            Layer::Branches(branches) => branches.iter().for_each(|branch| for_each_convolution(branch, work)),
        }
    }
}

impl<C> Block<C> {
    /// The block with its convolutions replaced.
    pub(super) fn try_map<D, E>(&self, map: &mut dyn FnMut(&C) -> Result<D, E>) -> Result<Block<D>, E> {
        Ok(Block { name: self.name, layers: try_map(&self.layers, map)?, output: self.output })
    }
}

fn try_map<C, D, E>(layers: &[Layer<C>], map: &mut dyn FnMut(&C) -> Result<D, E>) -> Result<Vec<Layer<D>>, E> {
    let layer = |layer: &Layer<C>| {
        Ok(match layer {
            Layer::Convolution(convolution) => Layer::Convolution(map(convolution)?),
            Layer::Pool(pool) => Layer::Pool(*pool),
            Layer::Branches(branches) => {
                Layer::Branches(branches.iter().map(|branch| try_map(branch, map)).collect::<Result<_, E>>()?)
            }
        })
    };
    layers.iter().map(layer).collect()
}

/// Layers that follow one another; the input of each is the output of the one before it.
struct Chain {
    prefix: &'static str,
    channels: usize,
    layers: Vec<Layer<Convolution>>,
}

impl Chain {
    fn of(prefix: &'static str, channels: usize) -> Self {
        Self { prefix, channels, layers: Vec::new() }
    }

    /// Adds a convolution.
    fn convolution(
        mut self,
        name: &str,
        output: usize,
        kernel: (usize, usize),
        stride: usize,
        padding: (usize, usize),
    ) -> Self {
        let name = if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) };
        let input = self.channels;
        self.layers.push(Layer::Convolution(Convolution { name, input, output, kernel, stride, padding }));
        Self { channels: output, ..self }
    }

    /// Adds a convolution with stride 1 whose output has the size of its input.
    fn same(self, name: &str, output: usize, kernel: (usize, usize)) -> Self {
        self.convolution(name, output, kernel, 1, (kernel.0 / 2, kernel.1 / 2))
    }

    /// Adds a convolution with kernel 1.
    fn pointwise(self, name: &str, output: usize) -> Self {
        self.same(name, output, (1, 1))
    }

    /// Adds a convolution with kernel 3 and stride 2, without padding.
    fn halving(self, name: &str, output: usize) -> Self {
        self.convolution(name, output, (3, 3), 2, (0, 0))
    }

    fn pool(mut self, kind: PoolKind, stride: usize, padding: usize) -> Self {
        self.layers.push(Layer::Pool(Pool { kind, stride, padding }));
        self
    }

    /// Adds convolutions with the same input, 1 × 3 and 3 × 1.
    fn fork(mut self, names: [&str; 2], output: usize) -> Self {
        let branch = |name, kernel| Chain::of(self.prefix, self.channels).same(name, output, kernel).layers;
        let branches = vec![branch(names[0], (1, 3)), branch(names[1], (3, 1))];
        self.layers.push(Layer::Branches(branches));
        Self { channels: 2 * output, ..self }
    }
}

/// A block of branches with the same input, and its number of output channels.
fn branches(name: &'static str, branches: Vec<Chain>, output: Option<InceptionOutput>) -> (Block<Convolution>, usize) {
    let channels = branches.iter().map(|branch| branch.channels).sum();
    let layers = vec![Layer::Branches(branches.into_iter().map(|branch| branch.layers).collect())];
    (Block { name, layers, output }, channels)
}

/// 35 × 35 pixels: 1 × 1, 5 × 5, and two 3 × 3 convolutions.
fn block_a(name: &'static str, input: usize, pool: PoolKind, pool_features: usize) -> (Block<Convolution>, usize) {
    let start = || Chain::of(name, input);
    let chains = vec![
        start().pointwise("branch1x1", 64),
        start().pointwise("branch5x5_1", 48).same("branch5x5_2", 64, (5, 5)),
        start().pointwise("branch3x3dbl_1", 64).same("branch3x3dbl_2", 96, (3, 3)).same("branch3x3dbl_3", 96, (3, 3)),
        start().pool(pool, 1, 1).pointwise("branch_pool", pool_features),
    ];
    branches(name, chains, None)
}

/// From 35 × 35 to 17 × 17 pixels.
fn block_b(name: &'static str, input: usize) -> (Block<Convolution>, usize) {
    let start = || Chain::of(name, input);
    let chains = vec![
        start().halving("branch3x3", 384),
        start().pointwise("branch3x3dbl_1", 64).same("branch3x3dbl_2", 96, (3, 3)).halving("branch3x3dbl_3", 96),
        start().pool(PoolKind::Max, 2, 0),
    ];
    branches(name, chains, None)
}

/// 17 × 17 pixels: convolutions with kernel 7, one dimension at a time.
fn block_c(
    name: &'static str,
    pool: PoolKind,
    channels: usize,
    output: Option<InceptionOutput>,
) -> (Block<Convolution>, usize) {
    let start = || Chain::of(name, 768);
    let (across, down) = ((1, 7), (7, 1));
    let chains = vec![
        start().pointwise("branch1x1", 192),
        start().pointwise("branch7x7_1", channels).same("branch7x7_2", channels, across).same("branch7x7_3", 192, down),
        start()
            .pointwise("branch7x7dbl_1", channels)
            .same("branch7x7dbl_2", channels, down)
            .same("branch7x7dbl_3", channels, across)
            .same("branch7x7dbl_4", channels, down)
            .same("branch7x7dbl_5", 192, across),
        start().pool(pool, 1, 1).pointwise("branch_pool", 192),
    ];
    branches(name, chains, output)
}

/// From 17 × 17 to 8 × 8 pixels.
fn block_d(name: &'static str, input: usize) -> (Block<Convolution>, usize) {
    let start = || Chain::of(name, input);
    let chains = vec![
        start().pointwise("branch3x3_1", 192).halving("branch3x3_2", 320),
        start()
            .pointwise("branch7x7x3_1", 192)
            .same("branch7x7x3_2", 192, (1, 7))
            .same("branch7x7x3_3", 192, (7, 1))
            .halving("branch7x7x3_4", 192),
        start().pool(PoolKind::Max, 2, 0),
    ];
    branches(name, chains, None)
}

/// 8 × 8 pixels.
fn block_e(
    name: &'static str,
    input: usize,
    pool: PoolKind,
    output: Option<InceptionOutput>,
) -> (Block<Convolution>, usize) {
    let start = || Chain::of(name, input);
    let chains = vec![
        start().pointwise("branch1x1", 320),
        start().pointwise("branch3x3_1", 384).fork(["branch3x3_2a", "branch3x3_2b"], 384),
        start()
            .pointwise("branch3x3dbl_1", 448)
            .same("branch3x3dbl_2", 384, (3, 3))
            .fork(["branch3x3dbl_3a", "branch3x3dbl_3b"], 384),
        start().pool(pool, 1, 1).pointwise("branch_pool", 192),
    ];
    branches(name, chains, output)
}

/// All blocks of a variant, in their order.
pub(super) fn blocks(variant: InceptionVariant) -> Vec<Block<Convolution>> {
    // The FID network is a conversion of TensorFlow's: its average pools leave out the padding, and the last one is a max pool.
    let (average, last) = match variant {
        InceptionVariant::Fid => (PoolKind::AverageInside, PoolKind::Max),
        InceptionVariant::Torchvision => (PoolKind::Average, PoolKind::Average),
    };
    let stem = |chain: Chain, output| (chain.pool(PoolKind::Max, 2, 0).layers, Some(output));
    let first = Chain::of("", 3).halving("Conv2d_1a_3x3", 32).convolution("Conv2d_2a_3x3", 32, (3, 3), 1, (0, 0)).same(
        "Conv2d_2b_3x3",
        64,
        (3, 3),
    );
    let second = Chain::of("", 64).pointwise("Conv2d_3b_1x1", 80).convolution("Conv2d_4a_3x3", 192, (3, 3), 1, (0, 0));
    let (layers, output) = stem(first, InceptionOutput::Features64);
    let mut blocks = vec![Block { name: "Conv2d_1a_3x3", layers, output }];
    let (layers, output) = stem(second, InceptionOutput::Features192);
    blocks.push(Block { name: "Conv2d_3b_1x1", layers, output });
    let mut channels = 192;
    let mut push = |make: &dyn Fn(usize) -> (Block<Convolution>, usize)| {
        let (block, output) = make(channels);
        channels = output;
        blocks.push(block);
    };
    push(&|input| block_a("Mixed_5b", input, average, 32));
    push(&|input| block_a("Mixed_5c", input, average, 64));
    push(&|input| block_a("Mixed_5d", input, average, 64));
    push(&|input| block_b("Mixed_6a", input));
    for (name, width, output) in [
        ("Mixed_6b", 128, None),
        ("Mixed_6c", 160, None),
        ("Mixed_6d", 160, None),
        ("Mixed_6e", 192, Some(InceptionOutput::Features768)),
    ] {
        push(&|_| block_c(name, average, width, output));
    }
    push(&|input| block_d("Mixed_7a", input));
    push(&|input| block_e("Mixed_7b", input, average, None));
    push(&|input| block_e("Mixed_7c", input, last, Some(InceptionOutput::Features2048)));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_has_the_published_number_of_weights() {
        for variant in [InceptionVariant::Fid, InceptionVariant::Torchvision] {
            let (mut convolutions, mut weights, mut outputs) = (0, 0, Vec::new());
            for block in blocks(variant) {
                for_each_convolution(&block.layers, &mut |convolution: &Convolution| {
                    convolutions += 1;
                    weights += convolution.weight_shape().iter().product::<usize>() + 2 * convolution.output;
                });
                outputs.extend(block.output);
            }
            // torchvision's network without its auxiliary classifier has 94 convolutions and 23,834,568 parameters, of which
            // 2,049,000 belong to the 1,000 classes.
            assert_eq!((convolutions, weights), (94, 23_834_568 - 2_049_000));
            use InceptionOutput::{Features64, Features192, Features768, Features2048};
            assert_eq!(outputs, [Features64, Features192, Features768, Features2048]);
        }
    }
}
