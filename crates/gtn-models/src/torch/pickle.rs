//! An interpreter of Python's pickles that executes nothing.
//!
//! Candle has one as well. It is not used here, because a damaged file can make it panic, allocate gigabytes for a few bytes, or
//! skip what it does not understand. Here, values lie in one list and refer to each other by index, so that neither copies nor
//! recursion grow with the nesting of the input.

use std::collections::HashMap;

use super::global::Global;
use super::input::{Input, Reason, damaged};

/// A value of a [`Pickle`], by its index.
pub(super) type Id = usize;

/// Instructions in a pickle, which bound the memory. A state dict needs about 50 for each tensor.
const MAX_INSTRUCTIONS: usize = 4_000_000;

/// A value that a pickle describes.
#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits.
    LargeInt,
    Float,
    Text(&'a str),
    Bytes,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// A call that would build an object. It is not made.
    Call {
        global: Global,
        arguments: Vec<Id>,
    },
    /// An object outside of the pickle: a storage.
    Persistent(Id),
}

/// The values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads one pickle, up to its end.
    pub(super) fn read(input: &mut Input<'a>) -> Result<Self, Reason> {
        let mut machine = Machine::default();
        for _ in 0..MAX_INSTRUCTIONS {
            if let Some(root) = machine.step(input)? {
                return Ok(Self { values: machine.values, root });
            }
        }
        Err(format!("its pickle has more than {MAX_INSTRUCTIONS} instructions; save a state dict alone"))
    }

    /// The object that was pickled.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.values.iter()
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        if let Value::Text(text) = self.values[id] { Some(text) } else { None }
    }

    /// The items of a tuple.
    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        if let Value::Tuple(items) = &self.values[id] { Some(items) } else { None }
    }

    /// A count or an index.
    pub(super) fn index(&self, id: Id) -> Option<usize> {
        if let Value::Int(value) = self.values[id] { usize::try_from(value).ok() } else { None }
    }

    /// What a value is, in a sentence.
    pub(super) fn describe(&self, id: Id) -> &'static str {
        match &self.values[id] {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::LargeInt => "an integer",
            Value::Float => "a number",
            Value::Text(_) => "a text",
            Value::Bytes => "bytes",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Global(_) => "a class or function",
            Value::Call { .. } => "a tensor",
            Value::Persistent(_) => "a storage without shape",
        }
    }
}

/// The state of the interpreter.
#[derive(Default)]
struct Machine<'a> {
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at open marks.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
}

impl<'a> Machine<'a> {
    /// Executes one instruction. Returns the result at the end of the pickle.
    fn step(&mut self, input: &mut Input<'a>) -> Result<Option<Id>, Reason> {
        let [code] = input.array()?;
        match code {
            0x80 => {
                input.take(1)?; // the version of the protocol
            }
            0x95 => {
                input.take(8)?; // the length of a frame
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => self.stack.push(self.top()?),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => self.push_int(input.array::<1>()?[0]),
            b'M' => self.push_int(u16::from_le_bytes(input.array()?)),
            b'J' => self.push_int(i32::from_le_bytes(input.array()?)),
            0x8a => self.long(input, |[len]: [u8; 1]| len.into())?,
            0x8b => self.long(input, u32::from_le_bytes)?,
            b'G' => {
                input.take(8)?;
                self.push(Value::Float);
            }
            // Python 2 writes names as byte strings.
            0x8c | b'U' => self.text(input, |[len]: [u8; 1]| len.into())?,
            b'X' | b'T' => self.text(input, |len| u32::from_le_bytes(len).into())?,
            0x8d => self.text(input, u64::from_le_bytes)?,
            b'C' => self.bytes(input, |[len]: [u8; 1]| len.into())?,
            b'B' => self.bytes(input, |len| u32::from_le_bytes(len).into())?,
            0x8e => self.bytes(input, u64::from_le_bytes)?,
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items));
            }
            b'd' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.push(Value::Dict(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.top_list()?.push(item);
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.top_list()?.extend(items);
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.top_dict()?.push((key, value));
            }
            b'u' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.top_dict()?.extend(items);
            }
            b'q' => self.memoize(input.array::<1>()?[0].into())?,
            b'r' => self.memoize(index(u32::from_le_bytes(input.array()?)))?,
            0x94 => self.memoize(self.memo.len())?,
            b'h' => self.recall(input.array::<1>()?[0].into())?,
            b'j' => self.recall(index(u32::from_le_bytes(input.array()?)))?,
            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (&self.values[module], &self.values[name]) {
                    (&Value::Text(module), &Value::Text(name)) => self.global(module.as_bytes(), name.as_bytes())?,
                    _ => return Err(malformed()),
                }
            }
            b'i' => {
                let (module, name) = (input.line()?, input.line()?);
                return Err(asks_for(module, name));
            }
            b'R' | 0x81 => self.call()?,
            // The state of an object: attributes, and no items of a dictionary.
            b'b' => {
                self.pop()?;
                let object = self.top()?;
                if !matches!(self.values[object], Value::Dict(_) | Value::Call { .. }) {
                    return Err(malformed());
                }
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Persistent(id));
            }
            other => return Err(damaged(format!("its pickle contains the unknown instruction 0x{other:02x}"))),
        }
        Ok(None)
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn push_int(&mut self, value: impl Into<i64>) {
        self.push(Value::Int(value.into()));
    }

    /// The length of the stack above the last mark is what an instruction may use.
    fn top(&self) -> Result<Id, Reason> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[Id]>::last).copied().ok_or_else(malformed)
    }

    fn pop(&mut self) -> Result<Id, Reason> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Reason> {
        let mark = self.marks.pop().ok_or_else(malformed)?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, len: usize) -> Result<(), Reason> {
        let mut items = (0..len).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn top_list(&mut self) -> Result<&mut Vec<Id>, Reason> {
        let top = self.top()?;
        if let Value::List(items) = &mut self.values[top] { Ok(items) } else { Err(malformed()) }
    }

    fn top_dict(&mut self) -> Result<&mut Vec<(Id, Id)>, Reason> {
        let top = self.top()?;
        if let Value::Dict(items) = &mut self.values[top] { Ok(items) } else { Err(malformed()) }
    }

    fn memoize(&mut self, key: usize) -> Result<(), Reason> {
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn recall(&mut self, key: usize) -> Result<(), Reason> {
        self.stack.push(*self.memo.get(&key).ok_or_else(malformed)?);
        Ok(())
    }

    fn long<const N: usize>(&mut self, input: &mut Input<'a>, len: fn([u8; N]) -> u32) -> Result<(), Reason> {
        let len = len(input.array()?);
        let bytes = input.take(index(len))?;
        let is_negative = bytes.last().is_some_and(|last| *last >= 0x80);
        let mut extended = [if is_negative { 0xff } else { 0 }; 8];
        self.push(match extended.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(extended))
            }
            None => Value::LargeInt,
        });
        Ok(())
    }

    fn text<const N: usize>(&mut self, input: &mut Input<'a>, len: fn([u8; N]) -> u64) -> Result<(), Reason> {
        let bytes = counted(input, len)?;
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("its pickle contains a text that is not UTF-8"))?;
        self.push(Value::Text(text));
        Ok(())
    }

    fn bytes<const N: usize>(&mut self, input: &mut Input<'a>, len: fn([u8; N]) -> u64) -> Result<(), Reason> {
        counted(input, len)?;
        self.push(Value::Bytes);
        Ok(())
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<(), Reason> {
        let as_text = |text| std::str::from_utf8(text).ok();
        let known = as_text(module).zip(as_text(name)).and_then(|(module, name)| Global::named(module, name));
        self.push(Value::Global(known.ok_or_else(|| asks_for(module, name))?));
        Ok(())
    }

    fn call(&mut self) -> Result<(), Reason> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let (&Value::Global(global), Value::Tuple(arguments)) = (&self.values[callable], &self.values[arguments])
        else {
            return Err(malformed());
        };
        let object = match (global, arguments.as_slice()) {
            (Global::OrderedDict, []) => Value::Dict(Vec::new()),
            (Global::OrderedDict, &[items]) => self.dict_of_pairs(items)?,
            (Global::Inert | Global::Storage(_) | Global::OrderedDict, _) => return Err(malformed()),
            (global, arguments) => Value::Call { global, arguments: arguments.to_vec() },
        };
        self.push(object);
        Ok(())
    }

    /// A dictionary from a list of pairs, as Python 2 pickles an OrderedDict.
    fn dict_of_pairs(&self, items: Id) -> Result<Value<'a>, Reason> {
        let Value::List(items) = &self.values[items] else { return Err(malformed()) };
        let pair = |item: &Id| match &self.values[*item] {
            Value::List(pair) | Value::Tuple(pair) => match pair[..] {
                [key, value] => Ok((key, value)),
                _ => Err(malformed()),
            },
            _ => Err(malformed()),
        };
        Ok(Value::Dict(items.iter().map(pair).collect::<Result<_, _>>()?))
    }
}

fn counted<'a, const N: usize>(input: &mut Input<'a>, len: fn([u8; N]) -> u64) -> Result<&'a [u8], Reason> {
    let len = len(input.array()?);
    input.take(usize::try_from(len).unwrap_or(usize::MAX))
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, Reason> {
    match items.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err(malformed()),
    }
}

fn malformed() -> Reason {
    damaged("its pickle is malformed")
}

fn asks_for(module: &[u8], name: &[u8]) -> Reason {
    // Long or strange names must not break the line.
    let shown = |text: &[u8]| -> String {
        let text = String::from_utf8_lossy(text);
        text.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect()
    };
    format!(
        "it asks for the Python code `{}.{}`, and nothing in it was executed; save a state dict alone, with \
         torch.save(model.state_dict(), ...)",
        shown(module),
        shown(name)
    )
}
