//! Arrays in NumPy's `.npy` format.
//!
//! The header is a dictionary of three fields, written as a Python literal. A parser of all Python literals may take a time that is
//! exponential in the depth of brackets, so the fields are read directly, in linear time.

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::shape::tuple_text;

/// Longer headers are refused. NumPy writes 128 bytes, and by default reads no more than 10,000.
pub(crate) const MAX_HEADER_BYTES: u64 = 64 << 10;

/// Bytes that say how long a header is.
const START_BYTES: usize = 12;

/// More axes than NumPy allows.
const MAX_AXES: usize = 64;

/// Why a file is not read, on one line.
type Result<T> = std::result::Result<T, String>;

/// What the header of an array says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The type of the values as NumPy writes it, as `<f4`.
    pub(crate) descr: String,
    pub(crate) is_fortran: bool,
    pub(crate) shape: Vec<usize>,
}

/// A type of values.
pub(crate) trait Element: Copy {
    /// As NumPy names it.
    const DESCR: &str;
    /// What people call it.
    const NAME: &str;

    /// The value in the first bytes of a slice.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! elements {
    ($($element:ty: $descr:literal $name:literal,)+) => {
        $(impl Element for $element {
            const DESCR: &str = $descr;
            const NAME: &str = $name;

            fn read(bytes: &[u8]) -> Self {
                let mut value = [0; size_of::<$element>()];
                value.copy_from_slice(&bytes[..size_of::<$element>()]);
                <$element>::from_le_bytes(value)
            }
        })+
    };
}

elements! {
    f32: "<f4" "float32",
    f64: "<f8" "float64",
    i8: "|i1" "int8",
    i16: "<i2" "int16",
    i32: "<i4" "int32",
    i64: "<i8" "int64",
    u8: "|u1" "uint8",
    u16: "<u2" "uint16",
    u32: "<u4" "uint32",
    u64: "<u8" "uint64",
}

/// The header of a file and the number of bytes before its values. `start` may end after [`MAX_HEADER_BYTES`].
pub(crate) fn header(start: &[u8]) -> Result<(Header, usize)> {
    let unreadable = |reason: &str| Err(format!("not a readable .npy file: {reason}"));
    if !start.starts_with(b"\x93NUMPY") {
        return unreadable("it does not start with NumPy's magic string");
    }
    let Some(&[.., version, _, a, b, c, d]) = start.get(..START_BYTES) else {
        return unreadable("it ends within its header");
    };
    let (before, len) = match version {
        1 => (10, u64::from(u16::from_le_bytes([a, b]))),
        2 | 3 => (START_BYTES, u64::from(u32::from_le_bytes([a, b, c, d]))),
        other => return unreadable(&format!("its format has version {other}, and 1, 2 and 3 are known")),
    };
    if len > MAX_HEADER_BYTES - START_BYTES as u64 {
        return unreadable(&format!("its header claims {len} bytes"));
    }
    let end = before + len as usize;
    let Some(text) = start.get(before..end) else { return unreadable("it ends within its header") };
    match Header::parse(&String::from_utf8_lossy(text)) {
        Ok(header) => Ok((header, end)),
        Err(reason) => unreadable(&reason),
    }
}

/// The array in the bytes of a file.
pub(crate) fn decode<T: Element>(bytes: &[u8]) -> Result<ArrayD<T>> {
    let (header, start) = header(bytes)?;
    header.check::<T>((bytes.len() - start) as u64)?;
    let values = bytes[start..].chunks_exact(size_of::<T>()).map(T::read).collect();
    let shape = IxDyn(&header.shape).set_f(header.is_fortran);
    ArrayD::from_shape_vec(shape, values).map_err(|_| header.claim())
}

impl Header {
    /// Checks that the values have the type `T`, and that so many bytes are as many values as the shape says.
    pub(crate) fn check<T: Element>(&self, bytes: u64) -> Result<()> {
        if self.descr != T::DESCR {
            return Err(self.explain_type(T::DESCR, T::NAME));
        }
        let expected =
            self.values().and_then(|values| values.checked_mul(size_of::<T>())).ok_or_else(|| self.claim())?;
        let expected = expected as u64;
        if bytes < expected {
            let missing = expected - bytes;
            return Err(format!("truncated: {missing} bytes fewer than its header claims; copy or download it again"));
        }
        if bytes > expected {
            return Err(format!("{} extra bytes follow the array; save it again", bytes - expected));
        }
        Ok(())
    }

    /// The number of values, unless it is absurd. Rows are addressed by signed offsets.
    fn values(&self) -> Option<usize> {
        let values = self.shape.iter().try_fold(1_usize, |values, &len| values.checked_mul(len))?;
        isize::try_from(values).ok().map(isize::unsigned_abs)
    }

    fn claim(&self) -> String {
        format!("not a readable .npy file: it claims shape {}", tuple_text(&self.shape))
    }

    /// Why the values are not of this type, and what to do.
    fn explain_type(&self, descr: &str, name: &str) -> String {
        let found = shown(&self.descr);
        if let Some(fields) = found.strip_prefix('[') {
            let first = fields.split(['\'', '"']).nth(1).unwrap_or("NAME");
            return format!(
                "expected {name} values ('{descr}'), got a structured array; save one field, as in np.save(FILE, x['{first}'])"
            );
        }
        if found.as_bytes().get(1..) == descr.as_bytes().get(1..) {
            return format!(
                "the values have the byte order of another kind of machine ('{found}'); save the array with .astype('{descr}')"
            );
        }
        let is_numeric = found.ends_with(|c: char| c.is_ascii_digit()) && found.contains(['f', 'i', 'u', 'b']);
        let advice = if is_numeric {
            format!("save the array with .astype('{name}')")
        } else {
            "save an array of numbers".to_owned()
        };
        format!("expected {name} values ('{descr}'), got '{found}'; {advice}")
    }

    /// The dictionary of a header: each of the fields `descr`, `fortran_order` and `shape` once, in any order.
    fn parse(text: &str) -> Result<Self> {
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        let mut rest = Scanner { text, at: 0 };
        rest.expect('{')?;
        while !rest.skips('}') {
            let key = rest.string()?;
            rest.expect(':')?;
            let is_new = match key {
                "descr" => descr.replace(rest.descr()?).is_none(),
                "fortran_order" => is_fortran.replace(rest.truth()?).is_none(),
                "shape" => shape.replace(rest.tuple()?).is_none(),
                _ => return Err(format!("its header has an unknown field `{}`", shown(key))),
            };
            if !is_new {
                return Err(format!("its header has the field `{key}` twice"));
            }
            if !rest.skips(',') {
                rest.expect('}')?;
                break;
            }
        }
        rest.skip_space();
        // Old files are padded with anything that Python ignores.
        if !rest.text[rest.at..].trim_matches(['\0', ' ', '\n']).is_empty() {
            return Err("something follows the dictionary of its header".to_owned());
        }
        match (descr, is_fortran, shape) {
            (Some(descr), Some(is_fortran), Some(shape)) => Ok(Self { descr, is_fortran, shape }),
            _ => Err("its header lacks one of the fields descr, fortran_order, shape".to_owned()),
        }
    }
}

/// Text of a file for a message: short, and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Reads a header from left to right.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Whether the next character is this one, which is passed over.
    fn skips(&mut self, c: char) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(c);
        self.at += if is_next { c.len_utf8() } else { 0 };
        is_next
    }

    fn expect(&mut self, c: char) -> Result<()> {
        if self.skips(c) {
            return Ok(());
        }
        match self.rest().chars().next() {
            Some(found) => Err(format!("its header has `{}` in place of `{c}`", shown(&found.to_string()))),
            None => Err(format!("its header ends before a `{c}`")),
        }
    }

    /// A string in single or double quotes, without escapes.
    fn string(&mut self) -> Result<&'t str> {
        let quote = if self.skips('"') {
            '"'
        } else {
            self.expect('\'')?;
            '\''
        };
        let (text, _) = self.rest().split_once(quote).ok_or("its header ends within a string")?;
        self.at += text.len() + quote.len_utf8();
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("its header has neither True nor False for fortran_order".to_owned())
    }

    /// A type: a string, or the list of the fields of a structured array, which is not looked into.
    fn descr(&mut self) -> Result<String> {
        self.skip_space();
        if !self.rest().starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            if self.rest().starts_with(['\'', '"']) {
                self.string()?;
                continue;
            }
            let c = self.rest().chars().next().ok_or("its header ends within the list of its fields")?;
            self.at += c.len_utf8();
            depth = match c {
                '[' | '(' => depth + 1,
                ']' | ')' => depth.saturating_sub(1),
                _ => depth,
            };
            if depth == 0 {
                return Ok(self.text[start..self.at].to_owned());
            }
        }
    }

    /// A tuple of whole numbers, which Python 2 writes as `(50L, 5L)`.
    fn tuple(&mut self) -> Result<Vec<usize>> {
        self.expect('(')?;
        let mut lengths = Vec::new();
        while !self.skips(')') {
            self.skip_space();
            let digits = self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number = &self.rest()[..digits];
            self.at += digits;
            let length =
                number.parse().map_err(|_| "its shape has something that is no length of an array".to_owned())?;
            self.at += usize::from(self.rest().starts_with('L'));
            lengths.push(length);
            if lengths.len() > MAX_AXES {
                return Err(format!("its shape has more than {MAX_AXES} axes"));
            }
            if !self.skips(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, bool, Vec<usize>)> {
        Header::parse(text).map(|header| (header.descr, header.is_fortran, header.shape))
    }

    #[test]
    fn headers_are_read_as_numpy_reads_them() {
        let expected = |shape: &[usize]| Ok(("<f4".to_owned(), false, shape.to_vec()));
        assert_eq!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }    \n"), expected(&[3, 4]));
        assert_eq!(parse("{'shape':(3,),\"descr\":\"<f4\",'fortran_order':False}"), expected(&[3]));
        assert_eq!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (50L, 5L), }"), expected(&[50, 5]));
        assert_eq!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': ()}"), expected(&[]));
        let fields = "[('a', '<f4'), ('b]', '<f4', (2, 3))]";
        let structured = parse(&format!("{{'descr': {fields}, 'fortran_order': True, 'shape': (1,)}}"));
        assert_eq!(structured, Ok((fields.to_owned(), true, vec![1])));
    }

    #[test]
    fn other_headers_are_refused_with_a_reason() {
        for (text, expected) in [
            ("", "ends before a `{`"),
            ("(1, 2)", "`(` in place of `{`"),
            ("{'descr': '<f4', 'fortran_order': False}", "lacks one of the fields"),
            ("{'descr': '<f4', 'descr': '<f4'}", "`descr` twice"),
            ("{'other': 1}", "unknown field `other`"),
            ("{'descr': '<f4}", "within a string"),
            ("{'descr': [[[", "within the list"),
            ("{'shape': (-1,)}", "no length"),
            ("{'shape': (99999999999999999999999,)}", "no length"),
            ("{'shape': (1 2)}", "`2` in place of `)`"),
            ("{'fortran_order': 1}", "neither True nor False"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} 7", "something follows"),
        ] {
            let reason = parse(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
        }
        let axes = "1, ".repeat(65);
        assert!(parse(&format!("{{'shape': ({axes})}}")).unwrap_err().contains("more than 64 axes"));
    }

    #[test]
    fn deep_brackets_take_linear_time() {
        // A general parser of Python literals does not end within a lifetime.
        for bracket in ["(", "[", "{"] {
            let text = format!("{{'descr': '<f4', 'shape': {}", bracket.repeat(60_000));
            assert!(parse(&text).is_err());
            assert!(parse(&format!("{{'descr': [{}", bracket.repeat(60_000))).is_err());
        }
    }

    #[test]
    fn types_are_explained() {
        let of = |descr: &str| Header { descr: descr.to_owned(), is_fortran: false, shape: vec![1] }.check::<f32>(4);
        for (descr, expected) in [
            ("<f4", None),
            ("<f8", Some("expected float32 values ('<f4'), got '<f8'; save the array with .astype('float32')")),
            (">f4", Some("byte order")),
            ("|b1", Some(".astype('float32')")),
            ("|O", Some("save an array of numbers")),
            ("<U3", Some("save an array of numbers")),
            ("[('weight', '<f4')]", Some("np.save(FILE, x['weight'])")),
            ("", Some("got ''; save an array of numbers")),
        ] {
            let reason = of(descr).err();
            assert_eq!(reason.is_some(), expected.is_some(), "{descr}");
            assert!(reason.as_deref().unwrap_or_default().contains(expected.unwrap_or_default()), "{reason:?}");
        }
    }
}
