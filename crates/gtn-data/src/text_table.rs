//! Text tables that come with image data sets: CSV files and files with whitespace-separated columns.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Larger files are refused. The largest table here, CelebA's attributes, has 27 MB.
const MAX_BYTES: u64 = 256 << 20;

/// Appends the content of a file to `bytes`, and refuses a file of more than `max` bytes.
pub(crate) fn read_limited(path: &Path, max: u64, bytes: &mut Vec<u8>) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let read = file.take(max + 1).read_to_end(bytes).map_err(Error::io(path))?;
    if read as u64 > max {
        return Err(Error::malformed(path, format!("larger than the limit of {} MiB", max >> 20)));
    }
    Ok(())
}

/// Reads a UTF-8 text file, without its byte order mark.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    read_limited(path, MAX_BYTES, &mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::malformed(path, "not a UTF-8 text file"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A table with named columns.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    path: PathBuf,
    text: String,
    /// The number of rows that a whitespace-separated file declares; `None` for a CSV file.
    declared_rows: Option<usize>,
}

impl Table {
    /// Opens a CSV file whose first line names the columns.
    pub(crate) fn open_csv(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let fail = |error: csv::Error| Error::malformed(path, format!("not a readable CSV file: {error}"));
        let columns = csv_reader(&text).headers().map_err(fail)?.iter().map(str::to_owned).collect();
        Ok(Self { columns, path: path.to_path_buf(), text, declared_rows: None })
    }

    /// Opens a file of whitespace-separated columns: the number of rows, the names of all columns but the first, then
    /// the rows.
    pub(crate) fn open_whitespace_separated(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let mut lines = text.lines();
        let rows = lines.next().and_then(|line| line.trim().parse::<usize>().ok());
        let rows = rows.ok_or_else(|| Error::malformed(path, "expected the number of rows on the first line"))?;
        let names = lines.next().unwrap_or_default().split_whitespace();
        let columns = std::iter::once("name").chain(names).map(str::to_owned).collect();
        Ok(Self { columns, path: path.to_path_buf(), text, declared_rows: Some(rows) })
    }

    /// Calls `visit` with the fields of each row, one per column, and returns the number of rows.
    ///
    /// # Errors
    ///
    /// Errors of `visit`; [`Error::File`] if a row has another number of fields, or the file another number of
    /// rows than it declares.
    pub(crate) fn for_each_row(&self, mut visit: impl FnMut(&[&str]) -> Result<()>) -> Result<usize> {
        let mut rows = 0;
        let Some(declared) = self.declared_rows else {
            let fail = |error: csv::Error| Error::malformed(&self.path, format!("not a readable CSV file: {error}"));
            let (mut reader, mut record) = (csv_reader(&self.text), csv::StringRecord::new());
            while reader.read_record(&mut record).map_err(fail)? {
                visit(&record.iter().collect::<Vec<_>>())?;
                rows += 1;
            }
            return Ok(rows);
        };
        for (index, line) in self.text.lines().enumerate().skip(2).filter(|(_, line)| !line.trim().is_empty()) {
            let row: Vec<&str> = line.split_whitespace().collect();
            if row.len() != self.columns.len() {
                let expected = self.columns.len();
                let reason = format!("line {} has {} fields, expected {expected}", index + 1, row.len());
                return Err(Error::malformed(&self.path, reason));
            }
            visit(&row)?;
            rows += 1;
        }
        if rows != declared {
            let reason = format!("the first line declares {declared} rows, but {rows} follow; download it again");
            return Err(Error::malformed(&self.path, reason));
        }
        Ok(rows)
    }

    /// The values of the column `name` in the rows that `matches` accepts.
    pub(crate) fn values_where(
        &self,
        name: usize,
        mut matches: impl FnMut(&[&str]) -> Result<bool>,
    ) -> Result<HashSet<String>> {
        let mut values = HashSet::new();
        self.for_each_row(|row| {
            if matches(row)? {
                values.insert(row[name].to_owned());
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Index of the column with this name.
    pub(crate) fn column_index(&self, name: &str) -> Result<usize> {
        let columns = || self.columns.join(", ");
        let missing = || Error::malformed(&self.path, format!("no column `{name}`; its columns are: {}", columns()));
        self.columns.iter().position(|column| column == name).ok_or_else(missing)
    }
}

fn csv_reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_tables_are_reported_with_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let fails = |content: &[u8], whitespace_separated: bool, expected: &str| {
            std::fs::write(&path, content).unwrap();
            let table =
                if whitespace_separated { Table::open_whitespace_separated(&path) } else { Table::open_csv(&path) };
            let message = table.and_then(|table| table.for_each_row(|_| Ok(()))).err().unwrap().to_string();
            assert!(message.contains("t.csv") && message.contains(expected) && !message.contains('\n'), "{message}");
        };
        fails(b"a,b\n1\n", false, "1 field");
        fails(b"a\xff\xfe\n", false, "not a UTF-8 text file");
        fails(b"", true, "number of rows");
        fails(b"2\nA B\nx 1\n", true, "line 3 has 2 fields, expected 3");
        fails(b"2\nA B\nx 1 -1\n", true, "declares 2 rows, but 1 follow");
        std::fs::write(&path, "\u{feff}a, b\r\n1,\"2, 3\"\r\n").unwrap();
        let table = Table::open_csv(&path).unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        let rows = table.for_each_row(|row| {
            assert_eq!(row, ["1", "2, 3"]);
            Ok(())
        });
        assert_eq!(rows.unwrap(), 1);
        assert!(table.column_index("c").unwrap_err().to_string().contains("a, b"));
    }
}
