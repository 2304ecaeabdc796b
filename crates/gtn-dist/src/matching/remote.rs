//! What process 0 asks of all processes, itself included, and how they answer.

use std::ops::Range;

use gtn_label::{LongerList, MatchError, Matching, PreferenceList, Rows, Shard, Shards};

use super::lists;
use super::part::Part;
use crate::message::{ArrayReader, push_array};
use crate::{Collective, Error, Result, part_of};

/// What all processes do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Shortest { count: usize },
    Preferences { sources: Vec<u64>, len: usize },
    Longer { requests: Vec<LongerList> },
    Remove { targets: Vec<u64> },
    End { reason: Option<String> },
}

impl Command {
    fn to_message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        match self {
            Self::Shortest { count } => push_array(&mut message, &[0, *count as u64]),
            Self::Preferences { sources, len } => {
                push_array(&mut message, &[1, *len as u64]);
                push_array(&mut message, sources);
            }
            Self::Longer { requests } => {
                push_array::<u64>(&mut message, &[2, 0]);
                let values = requests.iter().flat_map(|request| [request.shard, request.source, request.len]);
                push_array(&mut message, &values.map(|value| value as u64).collect::<Vec<_>>());
            }
            Self::Remove { targets } => {
                push_array::<u64>(&mut message, &[3, 0]);
                push_array(&mut message, targets);
            }
            Self::End { reason } => {
                push_array(&mut message, &[4, u64::from(reason.is_some())]);
                push_array(&mut message, reason.as_deref().unwrap_or_default().as_bytes());
            }
        }
        message
    }

    /// `None` if the message is malformed.
    fn from_message(message: &[u8]) -> Option<Self> {
        let mut message = ArrayReader::new(message);
        let kind = message.next_array::<u64>()?;
        let &[kind, argument] = kind.as_slice() else { return None };
        Some(match kind {
            0 => Self::Shortest { count: argument as usize },
            1 => Self::Preferences { sources: message.next_array()?, len: argument as usize },
            2 => {
                let values = message.next_array::<u64>()?;
                let request = |&[shard, source, len]: &[u64; 3]| [shard, source, len].map(|value| value as usize);
                let requests = values.as_chunks::<3>().0.iter().map(request);
                Self::Longer {
                    requests: requests.map(|[shard, source, len]| LongerList { shard, source, len }).collect(),
                }
            }
            3 => Self::Remove { targets: message.next_array()? },
            4 => {
                let reason = String::from_utf8(message.next_array()?).ok()?;
                Self::End { reason: (argument != 0).then_some(reason) }
            }
            _ => return None,
        })
    }
}

/// The last value of an answer.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// The rows of this process.
pub(super) struct Local<'r, 'a> {
    pub(super) source: &'r Part<'a>,
    pub(super) of_source: Range<usize>,
    pub(super) shard: Shard<'a>,
    /// The source rows of the current block, and a message with their values.
    pub(super) block: (Vec<u64>, Vec<u8>),
}

impl Local<'_, '_> {
    /// Does what process 0 asks until it ends the work.
    pub(super) fn follow(mut self, collective: &dyn Collective) -> Result<Option<Matching>> {
        loop {
            let mut message = Vec::new();
            collective.broadcast(&mut message)?;
            let command = Command::from_message(&message).ok_or(Error::Message { rank: 0 })?;
            if let Command::End { reason } = command {
                return reason.map_or(Ok(None), |reason| Err(Error::Remote { rank: 0, code: 0, reason }));
            }
            self.answer(&command, collective)?;
        }
    }

    /// Does what was asked, and returns the answers of all processes at process 0.
    fn answer(&mut self, command: &Command, collective: &dyn Collective) -> Result<Vec<Vec<u8>>> {
        if let Command::Preferences { sources, .. } = command {
            self.exchange(sources, collective)?;
        }
        let mut answer = Vec::new();
        match self.work(command, collective.rank(), &mut answer) {
            Ok(()) => answer.push(DONE),
            Err(error) => {
                answer = error.to_string().into_bytes();
                answer.push(FAILED);
            }
        }
        let Some(answers) = collective.gather(answer)? else { return Ok(Vec::new()) };
        let content = |(rank, mut answer): (usize, Vec<u8>)| match answer.pop() {
            Some(DONE) => Ok(answer),
            Some(_) => Err(Error::Remote { rank, code: 0, reason: String::from_utf8_lossy(&answer).into_owned() }),
            None => Err(Error::Message { rank }),
        };
        answers.into_iter().enumerate().map(content).collect()
    }

    /// Gives all processes these source rows, each of which one of them has.
    fn exchange(&mut self, sources: &[u64], collective: &dyn Collective) -> Result<()> {
        let own = sources.iter().map(|&source| source as usize).filter(|source| self.of_source.contains(source));
        let rows = &self.source.rows;
        let mut message = Vec::new();
        push_array(
            &mut message,
            &own.flat_map(|source| rows.row(source - self.of_source.start)).copied().collect::<Vec<_>>(),
        );
        let mut all = std::mem::take(&mut self.block.1);
        all.clear();
        if let Some(messages) = collective.gather(message)? {
            let (dim, size) = (rows.dim(), collective.size());
            let mut parts = Vec::with_capacity(size);
            for (rank, message) in messages.iter().enumerate() {
                let part = ArrayReader::new(message).next_borrowed::<f32>().ok_or(Error::Message { rank })?;
                parts.push((part_of(self.source.total, rank, size), part, 0));
            }
            let mut values = Vec::with_capacity(sources.len() * dim);
            for &source in sources {
                let rank = parts.partition_point(|(range, ..)| range.end <= source as usize);
                let (_, part, at) = &mut parts[rank];
                values.extend_from_slice(part.get(*at..*at + dim).ok_or(Error::Message { rank })?);
                *at += dim;
            }
            push_array(&mut all, &values);
        }
        collective.broadcast(&mut all)?;
        self.block = (sources.to_vec(), all);
        Ok(())
    }

    /// Does the part of this process, and appends its result to `answer`.
    fn work(&mut self, command: &Command, rank: usize, answer: &mut Vec<u8>) -> Result<(), MatchError> {
        let dim = self.source.rows.dim();
        let (sources, message) = &self.block;
        let values = ArrayReader::new(message).next_borrowed::<f32>().unwrap_or_default();
        let rows = |values, len| Rows::new(values, len, dim).expect("rows of this number of columns");
        match command {
            Command::Shortest { count } => {
                let (norms, targets): (Vec<f64>, Vec<u64>) = self.shard.shortest(*count).into_iter().unzip();
                push_array(answer, &norms);
                push_array(answer, &targets);
            }
            Command::Preferences { sources, len } => {
                lists::write(&self.shard.preferences(&rows(&values, sources.len()), *len)?, answer);
            }
            Command::Longer { requests } => {
                let own: Vec<&LongerList> = requests.iter().filter(|request| request.shard == rank).collect();
                let mut selected = Vec::with_capacity(own.len() * dim);
                for request in &own {
                    let at = sources.iter().position(|&source| source == request.source as u64);
                    let at = at.expect("lists are requested for rows of the block");
                    selected.extend_from_slice(&values[at * dim..][..dim]);
                }
                let len = own.iter().map(|request| request.len).max().unwrap_or(1);
                lists::write(&self.shard.longer(&rows(&selected, own.len()), len)?, answer);
            }
            Command::Remove { targets } => self.shard.remove(targets)?,
            Command::End { .. } => {}
        }
        Ok(())
    }
}

/// The shards of all processes, as process 0 sees them.
pub(super) struct Remote<'c, 'r, 'a> {
    pub(super) collective: &'c dyn Collective,
    pub(super) local: Local<'r, 'a>,
}

impl Remote<'_, '_, '_> {
    /// Tells all processes what they do next.
    pub(super) fn tell(&self, command: &Command) -> Result<()> {
        self.collective.broadcast(&mut command.to_message())
    }

    /// The answers of all processes.
    fn ask(&mut self, command: &Command) -> Result<Vec<Vec<u8>>> {
        self.tell(command)?;
        self.local.answer(command, self.collective)
    }

    fn ask_for_lists(&mut self, command: &Command) -> Result<Vec<Vec<PreferenceList>>> {
        let answers = self.ask(command)?;
        let read = |(rank, answer): (usize, &Vec<u8>)| {
            lists::read(&mut ArrayReader::new(answer)).ok_or(Error::Message { rank })
        };
        answers.iter().enumerate().map(read).collect()
    }
}

impl Shards for Remote<'_, '_, '_> {
    type Error = Error;

    fn count(&self) -> usize {
        self.collective.size()
    }

    fn shortest(&mut self, count: usize) -> Result<Vec<Vec<(f64, u64)>>> {
        let answers = self.ask(&Command::Shortest { count })?;
        let read = |(rank, answer): (usize, &Vec<u8>)| {
            let mut answer = ArrayReader::new(answer);
            let (norms, targets) =
                answer.next_array::<f64>().zip(answer.next_array::<u64>()).ok_or(Error::Message { rank })?;
            Ok(norms.into_iter().zip(targets).collect())
        };
        answers.iter().enumerate().map(read).collect()
    }

    fn preferences(&mut self, sources: &[usize], len: usize) -> Result<Vec<Vec<PreferenceList>>> {
        let sources = sources.iter().map(|&source| source as u64).collect();
        self.ask_for_lists(&Command::Preferences { sources, len })
    }

    fn longer(&mut self, requests: &[LongerList]) -> Result<Vec<PreferenceList>> {
        let answers = self.ask_for_lists(&Command::Longer { requests: requests.to_vec() })?;
        let mut answers: Vec<_> = answers.into_iter().map(Vec::into_iter).collect();
        let list = |request: &LongerList| answers[request.shard].next().ok_or(Error::Message { rank: request.shard });
        requests.iter().map(list).collect()
    }

    fn remove(&mut self, targets: &[u64]) -> Result<()> {
        self.ask(&Command::Remove { targets: targets.to_vec() })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_they_were_written() {
        let commands = [
            Command::Shortest { count: 7 },
            Command::Preferences { sources: vec![3, 1, 2], len: 9 },
            Command::Longer { requests: vec![LongerList { shard: 1, source: 2, len: 3 }; 2] },
            Command::Remove { targets: vec![] },
            Command::End { reason: None },
            Command::End { reason: Some("it was stopped".to_owned()) },
        ];
        for command in commands {
            assert_eq!(Command::from_message(&command.to_message()), Some(command));
        }
        assert_eq!(Command::from_message(&[1, 2, 3]), None);
    }
}
