//! What processes that train together tell each other beside gradients.

use gtn_dist::{ArrayReader, Collective, Error, push_array};
use gtn_models::{Moments, NamedArrays, Parameters};
use gtn_run::checkpoint::TrainState;

use super::optimization::Optimization;
use crate::Result;

/// What process 0 decides before each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Control {
    pub(super) stop: bool,
    /// It depends on the time budget, and so on the clock of process 0.
    pub(super) learning_rate: f64,
}

impl Control {
    /// What process 0 has decided.
    pub(super) fn of_first(self, collective: &dyn Collective) -> Result<Self> {
        if collective.size() == 1 {
            return Ok(self);
        }
        let mut message = Vec::new();
        push_array(&mut message, &[f64::from(u8::from(self.stop)), self.learning_rate]);
        match receive::<f64>(collective, message)?[..] {
            [stop, learning_rate] => Ok(Self { stop: stop != 0.0, learning_rate }),
            _ => Err(Error::Message { rank: 0 }.into()),
        }
    }
}

/// The array that process 0 sends.
fn receive<V: gtn_dist::Pod>(collective: &dyn Collective, mut message: Vec<u8>) -> Result<Vec<V>> {
    collective.broadcast(&mut message)?;
    Ok(ArrayReader::new(&message).next_array().ok_or(Error::Message { rank: 0 })?)
}

/// Tells the other processes where training stands after an epoch.
pub(super) fn send_state(collective: &dyn Collective, state: &TrainState) -> Result<()> {
    if collective.size() > 1 {
        let mut message = Vec::new();
        push_array(&mut message, &serde_json::to_vec(state).unwrap_or_default());
        collective.broadcast(&mut message)?;
    }
    Ok(())
}

/// Where process 0 says that training stands.
pub(super) fn receive_state(collective: &dyn Collective) -> Result<TrainState> {
    let state = receive::<u8>(collective, Vec::new())?;
    Ok(serde_json::from_slice(&state).map_err(|_| Error::Message { rank: 0 })?)
}

/// The sum of the values of all processes, in their order; every process gets it.
pub(super) fn sum_in_order(collective: &dyn Collective, values: &[f64]) -> Result<f64> {
    if collective.size() == 1 {
        return Ok(values.iter().fold(0.0, |sum, value| sum + value));
    }
    let (mut own, mut message) = (Vec::new(), Vec::new());
    push_array(&mut own, values);
    if let Some(all) = collective.gather(own)? {
        let mut sum = 0.0;
        for (rank, values) in all.iter().enumerate() {
            let values = ArrayReader::new(values).next_array::<f64>().ok_or(Error::Message { rank })?;
            sum = values.iter().fold(sum, |sum, value| sum + value);
        }
        push_array(&mut message, &[sum]);
    }
    Ok(receive::<f64>(collective, message)?.first().copied().ok_or(Error::Message { rank: 0 })?)
}

/// Gives all processes the weights, the optimizer and the state of process 0.
pub(super) fn share_training(
    collective: &dyn Collective,
    parameters: &Parameters,
    Optimization { adam, average }: &mut Optimization,
    state: &TrainState,
) -> Result<TrainState> {
    let mut message = Vec::new();
    let (weights, moments) = (parameters.state_dict()?, adam.moments()?);
    let averages = average.as_ref().map_or_else(|| Ok(NamedArrays::new()), |average| average.state_dict())?;
    let arrays = [&weights, &moments.first, &moments.second, &averages];
    if collective.is_first() {
        push_array(&mut message, &serde_json::to_vec(state).unwrap_or_default());
        push_array(&mut message, &[moments.steps]);
        arrays.iter().for_each(|arrays| push_array(&mut message, &flat(arrays)));
    }
    collective.broadcast(&mut message)?;
    if collective.is_first() {
        return Ok(state.clone());
    }
    let malformed = || Error::Message { rank: 0 };
    let mut reader = ArrayReader::new(&message);
    let state =
        reader.next_array::<u8>().and_then(|state| serde_json::from_slice(&state).ok()).ok_or_else(malformed)?;
    let steps = reader.next_array::<u64>().and_then(|steps| steps.first().copied()).ok_or_else(malformed)?;
    let mut read =
        |like: &NamedArrays| reader.next_array::<f32>().and_then(|values| shaped(&values, like)).ok_or_else(malformed);
    let [weights, first, second, averages] = [read(arrays[0])?, read(arrays[1])?, read(arrays[2])?, read(arrays[3])?];
    parameters.load_state_dict(&weights)?;
    adam.restore(&Moments { steps, first, second })?;
    if let Some(average) = average {
        average.restore(&averages)?;
    }
    Ok(state)
}

/// The values of all arrays, in the order of their names.
fn flat(arrays: &NamedArrays) -> Vec<f32> {
    arrays.values().flat_map(|array| array.iter().copied()).collect()
}

/// The values as arrays of the names and shapes of others.
fn shaped(values: &[f32], like: &NamedArrays) -> Option<NamedArrays> {
    let mut rest = values;
    let mut arrays = NamedArrays::new();
    for (name, array) in like {
        let values;
        (values, rest) = rest.split_at_checked(array.len())?;
        arrays.insert(name.clone(), ndarray::ArrayD::from_shape_vec(array.shape(), values.to_vec()).ok()?);
    }
    rest.is_empty().then_some(arrays)
}
