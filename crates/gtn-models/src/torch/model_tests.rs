//! Models to PyTorch's names and back.

use candle_core::Device;
use gtn_io::TensorFile;
use gtn_run::config::CoordinateSystem;
use gtn_run::{FlowCard, ModelCard, Origin};
use ndarray::{Array, Array1, Array3, ArrayD, IxDyn};

use super::StateDict;
use crate::{
    Coordinates, FlowShape, H, HShape, MlpShape, Model, NamedArrays, Normalizer, Parameters, ResidualShape, Streams,
};

const DIM: usize = 3;

/// Random weights of a network. The last layer of a residual one would start at 0.
fn random_weights(parameters: &Parameters) -> NamedArrays {
    let mut weights = parameters.state_dict().unwrap();
    for (name, array) in &mut weights {
        let values = Streams::new(2).normal(name, 0, 1, array.len());
        let is_variance = name.ends_with("running_var");
        array
            .iter_mut()
            .zip(&values)
            .for_each(|(weight, &value)| *weight = if is_variance { value.abs() } else { value });
    }
    weights
}

fn coordinates(system: CoordinateSystem, count: usize) -> Coordinates {
    let normal = |name: &str, columns: usize| Streams::new(3).normal(name, 0, count, columns);
    let factors = normal("factors", DIM * DIM).into_shape_with_order((count, DIM, DIM)).unwrap();
    let factors = Array3::from_shape_fn((count, DIM, DIM), |(k, i, j)| match i.cmp(&j) {
        std::cmp::Ordering::Greater => factors[(k, i, j)],
        std::cmp::Ordering::Equal => factors[(k, i, i)].abs() + 0.1,
        std::cmp::Ordering::Less => 0.0,
    });
    let weights = Array1::from_shape_fn(count, |k| (k + 1) as f32 / 7.0);
    Coordinates::new(system, weights, normal("means", DIM), factors).unwrap()
}

fn residual(condition: usize) -> HShape {
    ResidualShape { dim: DIM, condition, width: 8, blocks: 2, adds_input: true }.into()
}

/// A model whose targets were normalized.
fn model(shape: HShape, coordinates: Option<Coordinates>) -> Model {
    let h = H::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
    let normalizer = Normalizer::new(Array1::linspace(-1.0, 1.0, DIM), Array1::linspace(0.3, 3.0, DIM)).unwrap();
    let card = ModelCard::new(shape.into(), true, None, Origin::Files(Vec::new()));
    let model = Model::new(card, random_weights(h.parameters()), Some(normalizer), NamedArrays::new()).unwrap();
    match coordinates {
        Some(coordinates) => model.with_coordinates(coordinates).unwrap(),
        None => model,
    }
}

fn samples(model: &Model) -> ndarray::Array2<f32> {
    let generator = model.generator(&Device::Cpu).unwrap();
    generator.sample_latents(40, &mut Streams::new(4).stream("samples", 0)).unwrap()
}

/// Writes a file and imports its state dict, after a change.
fn import(
    file: &mut TensorFile,
    hidden_layers: Option<usize>,
    change: impl FnOnce(StateDict) -> StateDict,
) -> crate::Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    file.write(&path).unwrap();
    let h = change(StateDict::read(&path).unwrap());
    Ok(Model::from_torch(h, None, hidden_layers)?.model)
}

/// The model of a file without metadata, as a module in PyTorch saves it.
fn import_without_card(file: &mut TensorFile, hidden_layers: Option<usize>) -> crate::Result<Model> {
    file.metadata.clear();
    import(file, hidden_layers, |dict| dict)
}

#[track_caller]
fn assert_same(found: &Model, expected: &Model) {
    assert_eq!(found.card().h, expected.card().h);
    assert_eq!(found.card().coordinates, expected.card().coordinates);
    assert_eq!(found.h(), expected.h());
    assert_eq!(found.coordinates(), expected.coordinates());
    assert_eq!(found.normalizer(), expected.normalizer());
    assert_eq!(samples(found), samples(expected));
}

#[test]
fn every_kind_of_h_comes_back_to_the_bit() {
    let mlp =
        |input| MlpShape { input, hidden_layers: 2, width: 8, output: DIM, negative_slope: 0.5, batch_norm_layers: 1 };
    let coordinates_of =
        CoordinateSystem::ALL.iter().flat_map(|&system| [1, 3].map(|count| coordinates(system, count)));
    for coordinates in coordinates_of.map(Some).chain([None]) {
        let indicators = coordinates.as_ref().map_or(0, Coordinates::indicator_columns);
        for shape in [residual(indicators), mlp(DIM + indicators).into()] {
            let model = model(shape, coordinates.clone());
            let mut file = model.to_torch().unwrap();
            assert_same(&import_without_card(&mut file, None).unwrap(), &model);
            // The state dict of ĥ alone, whose names have no prefix.
            let of_h = import(&mut file, None, |mut dict| dict.split_off("h."));
            assert_same(&of_h.unwrap(), &model);
        }
    }
}

#[test]
fn names_are_those_of_a_module() {
    let file = model(residual(2), Some(coordinates(CoordinateSystem::Whitened, 2))).to_torch().unwrap();
    let names: Vec<&str> = file.tensors.keys().map(String::as_str).collect();
    let block = |index: usize| ["fc1", "fc2", "norm"].map(|layer| format!("blocks.{index}.{layer}"));
    let layers = block(0).into_iter().chain(block(1)).chain(["fc_in", "fc_out", "norm"].map(str::to_owned));
    let mut expected: Vec<String> = layers
        .flat_map(|layer| ["weight", "bias"].map(|part| format!("h.{layer}.{part}")))
        .chain(["factors", "means", "weights"].map(|array| format!("h.components.whitened.{array}")))
        .chain(["h.mean", "h.std"].map(str::to_owned))
        .collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_flow_is_left_out() {
    let shape = FlowShape { dim: DIM, indicators: 0, width: 8, blocks: 1 };
    let flow = crate::Flow::new(&shape, &Streams::new(5), &Device::Cpu).unwrap();
    let card = FlowCard { network: shape.network().into(), integration_steps: 4 };
    let model = model(residual(0), None).with_flow(card, random_weights(flow.parameters())).unwrap();
    let back = import(&mut model.to_torch().unwrap(), None, |dict| dict).unwrap();
    assert_eq!(back.card().flow, None);
    assert_same(&back, &model);
}

/// The message of a file that is refused after a change. It is one line, and names the file.
fn refused(change: impl FnOnce(&mut TensorFile)) -> String {
    let mut file = model(residual(2), Some(coordinates(CoordinateSystem::Scaled, 2))).to_torch().unwrap();
    change(&mut file);
    message(import_without_card(&mut file, None))
}

fn message(result: crate::Result<Model>) -> String {
    let error = result.unwrap_err();
    assert!(error.is_user_error());
    let message = error.to_string();
    assert!(message.starts_with("cannot read '") && message.contains("x.safetensors': "), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

fn zeros(shape: &[usize]) -> ArrayD<f32> {
    Array::zeros(IxDyn(shape))
}

/// A change of a file.
type Change = fn(&mut TensorFile);

#[test]
fn what_does_not_belong_together_is_refused() {
    let remove = |file: &mut TensorFile, prefix: &str| file.tensors.retain(|name, _| !name.starts_with(prefix));
    let changes: [(Change, &str); 13] = [
        (|file| file.insert("h.fc1.weight", zeros(&[8, 8])), "tensor `fc1.weight` does not belong to this network"),
        (|file| file.insert("h.blocks.3.norm.weight", zeros(&[8])), "tensor `blocks.3.norm.weight` does not belong"),
        (|file| file.insert("h.fc_in.weight", zeros(&[8, 2])), "expected at least the 3 of the output"),
        (|file| file.insert("h.fc_in.weight", zeros(&[8])), "has shape [8], expected a matrix"),
        (
            |file| file.insert("h.fc_in.weight", zeros(&[8, 6])),
            "tensor `blocks.0.fc1.weight` has shape [8, 10], expected [8, 11]",
        ),
        (|file| file.insert("h.norm.bias", zeros(&[8]) + f32::NAN), "tensor `norm.bias` contains NaN or an infinity"),
        (
            |file| file.insert("h.components.scaled.means", zeros(&[0, 3])),
            "`components.scaled.weights` has shape [2], expected [0]",
        ),
        (
            |file| file.insert("h.components.scaled.factors", zeros(&[2, 3, 3])),
            "`coordinates` contains a value that is not above 0",
        ),
        (|file| file.insert("h.components.whitened.means", zeros(&[2, 3])), "does not belong to this network"),
        (
            |file| file.insert("h.components.a.means", zeros(&[2, 3])),
            "tensor `components.a.means`: unknown coordinates `a`",
        ),
        (
            |file| drop(file.tensors.remove("h.fc_out.weight")),
            "tensor `fc_out.weight` is missing; the layers of a residual ĥ are",
        ),
        (|file| drop(file.tensors.remove("h.components.scaled.means")), "tensor `components.scaled.means` is missing"),
        (|file| drop(file.tensors.remove("h.std")), "tensor `std` is missing"),
    ];
    for (change, expected) in changes {
        let message = refused(change);
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let message = refused(|file| remove(file, "h.blocks."));
    assert!(message.contains("tensor `blocks.0.norm.weight` is missing"), "{message}");
    let message = refused(|file| remove(file, "h.components."));
    assert!(message.contains("the input of ĥ has 5 columns, and its output and components need 3"), "{message}");
}

#[test]
fn a_residual_network_has_no_hidden_layers_to_leave_out() {
    let mut file = model(residual(0), None).to_torch().unwrap();
    let message = message(import_without_card(&mut file, Some(2)));
    assert!(message.contains("it has 2 residual blocks instead of hidden layers"), "{message}");
}
