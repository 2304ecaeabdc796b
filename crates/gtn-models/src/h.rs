use candle_core::{Device, Tensor};
use gtn_run::config::{Config, HArchitecture};
use gtn_run::{HCard, MlpCard, ResidualCard};

use crate::{Mlp, MlpShape, Mode, Parameters, ResidualMlp, ResidualShape, Result, Streams};

/// Architecture of ĥ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HShape {
    /// The paper's: a multilayer perceptron with BatchNorm.
    Mlp(MlpShape),
    /// y + g(y), where g consists of residual blocks.
    Residual(ResidualShape),
}

impl HShape {
    /// The architecture of ĥ in a configuration. `indicators` is the number of columns that tell it the component:
    /// [`Coordinates::indicator_columns`](crate::Coordinates::indicator_columns).
    #[must_use]
    pub fn from_config(config: &Config, indicators: usize) -> Self {
        match config.h.architecture {
            HArchitecture::Residual => HShape::Residual(ResidualShape {
                dim: config.dim,
                condition: indicators,
                width: config.h.residual().width,
                blocks: config.h.residual().blocks,
                adds_input: true,
            }),
            _ => {
                let shape = MlpShape::from_config(config);
                HShape::Mlp(MlpShape { input: shape.input + indicators, ..shape })
            }
        }
    }

    /// Checks all values, as [`H::new`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) for the first invalid one.
    pub fn check(&self) -> Result<()> {
        match self {
            HShape::Mlp(shape) => shape.check(),
            HShape::Residual(shape) => shape.check(),
        }
    }

    /// Columns of the input: the dimension of the normal vectors, and the indicators of the component.
    #[must_use]
    pub fn input(&self) -> usize {
        match self {
            HShape::Mlp(shape) => shape.input,
            HShape::Residual(shape) => shape.dim + shape.condition,
        }
    }

    /// Columns of the output.
    #[must_use]
    pub fn output(&self) -> usize {
        match self {
            HShape::Mlp(shape) => shape.output,
            HShape::Residual(shape) => shape.dim,
        }
    }
}

impl From<MlpShape> for HShape {
    fn from(shape: MlpShape) -> Self {
        HShape::Mlp(shape)
    }
}

impl From<ResidualShape> for HShape {
    fn from(shape: ResidualShape) -> Self {
        HShape::Residual(shape)
    }
}

/// ĥ, the map from normal vectors to latents or data.
#[derive(Debug)]
pub enum H {
    /// The paper's: a multilayer perceptron with BatchNorm.
    Mlp(Mlp),
    /// y + g(y), where g consists of residual blocks.
    Residual(ResidualMlp),
}

impl H {
    /// ĥ with the initial weights of `streams`.
    ///
    /// # Errors
    ///
    /// Those of [`HShape::check`]; [`Error::Device`](crate::Error::Device) if the device has too little memory.
    pub fn new(shape: &HShape, streams: &Streams, device: &Device) -> Result<Self> {
        Ok(match shape {
            HShape::Mlp(shape) => H::Mlp(Mlp::new(shape, streams, device)?),
            HShape::Residual(shape) => H::Residual(ResidualMlp::new(shape, "h", streams, device)?),
        })
    }

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> HShape {
        match self {
            H::Mlp(h) => HShape::Mlp(*h.shape()),
            H::Residual(h) => HShape::Residual(*h.shape()),
        }
    }

    /// Its parameters and running statistics.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        match self {
            H::Mlp(h) => h.parameters(),
            H::Residual(h) => h.parameters(),
        }
    }

    /// ĥ of each row: from shape (n, [`input`](HShape::input)) to (n, [`output`](HShape::output)). In evaluation mode the output
    /// is detached.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) if the rows have another number of columns; [`Error::BatchOfOne`](crate::Error::BatchOfOne)
    /// for a single row in training mode if there is BatchNorm.
    pub fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        match self {
            H::Mlp(h) => h.forward(rows, mode),
            H::Residual(h) => h.forward(rows, mode),
        }
    }
}

impl From<Mlp> for H {
    fn from(h: Mlp) -> Self {
        H::Mlp(h)
    }
}

impl From<ResidualMlp> for H {
    fn from(h: ResidualMlp) -> Self {
        H::Residual(h)
    }
}

impl From<HCard> for HShape {
    fn from(card: HCard) -> Self {
        match card {
            HCard::Mlp(card) => HShape::Mlp(card.into()),
            HCard::Residual(ResidualCard { dim, condition, width, blocks }) => {
                HShape::Residual(ResidualShape { dim, condition, width, blocks, adds_input: true })
            }
        }
    }
}

impl From<HShape> for HCard {
    fn from(shape: HShape) -> Self {
        match shape {
            HShape::Mlp(shape) => HCard::Mlp(shape.into()),
            HShape::Residual(shape) => HCard::Residual(shape.into()),
        }
    }
}

impl From<ResidualShape> for ResidualCard {
    fn from(ResidualShape { dim, condition, width, blocks, .. }: ResidualShape) -> Self {
        Self { dim, condition, width, blocks }
    }
}

impl From<MlpCard> for MlpShape {
    fn from(card: MlpCard) -> Self {
        let MlpCard { input, hidden_layers, width, output, negative_slope, batch_norm_layers } = card;
        Self { input, hidden_layers, width, output, negative_slope, batch_norm_layers }
    }
}

impl From<MlpShape> for MlpCard {
    fn from(shape: MlpShape) -> Self {
        let MlpShape { input, hidden_layers, width, output, negative_slope, batch_norm_layers } = shape;
        Self { input, hidden_layers, width, output, negative_slope, batch_norm_layers }
    }
}
