use gtn_io::names;

names! {
    /// Which InceptionV3.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum InceptionVariant: "variant of InceptionV3" {
        /// The network of FID, as in pytorch-fid: a conversion of TensorFlow's network of 2015-12-05 with 1,008 classes. Its
        /// average pools do not count the padding, and the pool of its last block takes the maximum.
        Fid => "fid",
        /// torchvision's network with 1,000 classes, by which the paper's code computes the Inception Score. Its input is not
        /// transformed (`transform_input=False`).
        Torchvision => "torchvision",
    }
}

impl InceptionVariant {
    /// Number of classes: the length of the logits.
    #[must_use]
    pub fn classes(self) -> usize {
        match self {
            InceptionVariant::Fid => 1008,
            InceptionVariant::Torchvision => 1000,
        }
    }
}

names! {
    /// An output of InceptionV3.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum InceptionOutput: "output of InceptionV3" {
        /// Mean over all pixels after the first max pool.
        Features64 => "64",
        /// Mean over all pixels after the second max pool.
        Features192 => "192",
        /// Mean over all pixels before the auxiliary classifier, after `Mixed_6e`.
        Features768 => "768",
        /// Mean over all pixels of the last block, `Mixed_7c`: the usual features of FID.
        Features2048 => "2048",
        /// The classes before softmax.
        Logits => "logits",
    }
}
