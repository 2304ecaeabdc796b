//! Tables of text, as data sets have them beside their images: CSV, and columns divided by blanks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A table of more bytes is not read; CelebA's attributes, the largest here, have 27 MB.
const MOST_BYTES: u64 = 256 << 20;

/// Reads a file of text.
pub(crate) fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::malformed(path, format!("holds more than {} MiB", MOST_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::malformed(path, "is no text"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Rows of fields below the names of their columns.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    path: PathBuf,
    text: String,
    /// How many rows it says it has, where it is no CSV file.
    counted: Option<usize>,
}

impl Table {
    /// Opens a CSV file whose first line names the columns.
    pub(crate) fn csv(path: &Path) -> Result<Self> {
        let text = text(path)?;
        let fail = |error: csv::Error| Error::malformed(path, format!("not a readable CSV file: {error}"));
        let columns = csv_reader(&text).headers().map_err(fail)?.iter().map(str::to_owned).collect();
        Ok(Self { columns, path: path.to_path_buf(), text, counted: None })
    }

    /// Opens a file of columns divided by blanks: the number of rows, the names of the columns but the first, then the rows.
    pub(crate) fn counted(path: &Path) -> Result<Self> {
        let text = text(path)?;
        let mut lines = text.lines();
        let count = lines.next().and_then(|line| line.trim().parse::<usize>().ok());
        let count = count.ok_or_else(|| Error::malformed(path, "does not begin with the number of its rows"))?;
        let names = lines.next().unwrap_or_default().split_whitespace();
        let columns = std::iter::once("name").chain(names).map(str::to_owned).collect();
        Ok(Self { columns, path: path.to_path_buf(), text, counted: Some(count) })
    }

    /// Hands row after row to `each`, as many fields as there are columns, and returns how many there were.
    ///
    /// # Errors
    ///
    /// What `each` says; [`Error::Malformed`] for a row of other length, or another number of rows than the file claims.
    pub(crate) fn rows(&self, mut each: impl FnMut(&[&str]) -> Result<()>) -> Result<usize> {
        let mut rows = 0;
        let Some(claimed) = self.counted else {
            let fail = |error: csv::Error| Error::malformed(&self.path, format!("not a readable CSV file: {error}"));
            let (mut reader, mut record) = (csv_reader(&self.text), csv::StringRecord::new());
            while reader.read_record(&mut record).map_err(fail)? {
                each(&record.iter().collect::<Vec<_>>())?;
                rows += 1;
            }
            return Ok(rows);
        };
        for (index, line) in self.text.lines().enumerate().skip(2).filter(|(_, line)| !line.trim().is_empty()) {
            let row: Vec<&str> = line.split_whitespace().collect();
            if row.len() != self.columns.len() {
                let expected = self.columns.len();
                let reason = format!("line {} has {} fields instead of {expected}", index + 1, row.len());
                return Err(Error::malformed(&self.path, reason));
            }
            each(&row)?;
            rows += 1;
        }
        if rows != claimed {
            return Err(Error::malformed(&self.path, format!("claims {claimed} rows and holds {rows}")));
        }
        Ok(rows)
    }

    /// Where the column of this name is.
    pub(crate) fn column(&self, name: &str) -> Result<usize> {
        let missing =
            || Error::malformed(&self.path, format!("has no column `{name}`, but: {}", self.columns.join(", ")));
        self.columns.iter().position(|column| column == name).ok_or_else(missing)
    }
}

fn csv_reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes())
}

/// Up to three of `known` that resemble `word` most, as "`a`, `b` or `c`".
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    let fold = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let mut known: Vec<(f64, &str)> =
        known.map(|name| (strsim::jaro_winkler(&fold(word), &fold(name)), name)).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<String> = known.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_words_come_first() {
        let known = ["Smiling", "Male", "Eyeglasses", "Wearing_Hat"];
        assert!(nearest("smiles", known.into_iter()).starts_with("`Smiling`"));
        assert!(nearest("wearing hat", known.into_iter()).starts_with("`Wearing_Hat`"));
        assert_eq!(nearest("x", ["Male"].into_iter()), "`Male`");
    }

    #[test]
    fn tables_that_are_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let fails = |content: &[u8], counted: bool, word: &str| {
            std::fs::write(&path, content).unwrap();
            let table = if counted { Table::counted(&path) } else { Table::csv(&path) };
            let message = table.and_then(|table| table.rows(|_| Ok(()))).err().unwrap().to_string();
            assert!(message.contains("t.csv") && message.contains(word) && !message.contains('\n'), "{message}");
        };
        fails(b"a,b\n1\n", false, "1 field");
        fails(b"a\xff\xfe\n", false, "no text");
        fails(b"", true, "number of its rows");
        fails(b"2\nA B\nx 1\n", true, "line 3 has 2 fields instead of 3");
        fails(b"2\nA B\nx 1 -1\n", true, "claims 2 rows and holds 1");
        std::fs::write(&path, "\u{feff}a, b\r\n1,\"2, 3\"\r\n").unwrap();
        let table = Table::csv(&path).unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        let rows = table.rows(|row| {
            assert_eq!(row, ["1", "2, 3"]);
            Ok(())
        });
        assert_eq!(rows.unwrap(), 1);
        assert!(table.column("c").unwrap_err().to_string().contains("a, b"));
    }
}
