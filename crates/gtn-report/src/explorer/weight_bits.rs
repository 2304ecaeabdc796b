gtn_io::names! {
    /// How many bits the page has for each weight.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum WeightBits: "number of bits" {
        /// A floating-point number.
        #[default]
        Sixteen => "16",
        /// A whole number, with a scale for each 32 weights. Biases and other short tensors keep 16 bits.
        Eight => "8",
    }
}
