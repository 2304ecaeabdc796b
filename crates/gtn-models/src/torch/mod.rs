//! Weights in files of PyTorch: state dicts that `torch.save` wrote, and safetensors files.
//!
//! Nothing in such a file is executed. `torch.save` writes a pickle, which is a program for Python's unpickler. The interpreter
//! in [`pickle`] builds plain values from it, and refuses every function that is not known to build a tensor.

mod dtype;
mod export;
mod global;
mod h_layers;
mod import;
mod input;
mod legacy;
#[cfg(test)]
mod model_tests;
mod names;
mod outline;
mod pickle;
mod safetensors_file;
mod state_dict;
#[cfg(test)]
mod tests;
mod zip_file;

pub use import::TorchImport;
pub use state_dict::StateDict;
