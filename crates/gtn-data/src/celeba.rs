//! CelebA: 202,599 photographs of faces, aligned, 178×218 pixels, with an official split and 40 attributes of each.
//!
//! Read from `img_align_celeba.zip` as it is downloaded or from the folder that it is unpacked to, with
//! `list_eval_partition.txt` (or the `.csv` of the copy on Kaggle). Images are cut to the 148 pixels in the middle and scaled
//! to 64×64. A list may name images that are not there: they are counted, and left out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::photos::source::{Source, exists};
use crate::photos::{self, Inventory, ItemState, Lists, Photos, Plan, Progress, Transform};
use crate::tables::{self, Table};
use crate::{Error, Result};

#[cfg(feature = "hub")]
pub mod hub;

/// The middle 148×148 pixels, scaled to 64×64.
pub const TRANSFORM: Transform = Transform { crop: Some(148), side: 64 };

/// Numbers of training, validation and test images that were published.
pub const PUBLISHED: [usize; 3] = [162_770, 19_867, 19_962];

const IMAGES: &str = "img_align_celeba";
const PARTITION: &str = "list_eval_partition";
const ATTRIBUTES: &str = "list_attr_celeba";

/// Attributes that images must have or must not have, all of them; an empty one lets every image pass.
///
/// As text: `Smiling=1,Male=-1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    wanted: Vec<(String, bool)>,
}

impl Filter {
    /// Whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Filter { filter: text.to_owned(), reason };
        let mut wanted: Vec<(String, bool)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| refuse(format!("`{part}` is not of the form NAME=1 or NAME=-1, as in Smiling=1")))?;
            let (name, value) = (name.trim(), value.trim());
            let value = match value {
                "1" => true,
                "-1" => false,
                _ => return Err(refuse(format!("the value of `{name}` is `{value}`, and can be 1 or -1"))),
            };
            if wanted.iter().any(|(known, _)| known == name) {
                return Err(refuse(format!("`{name}` is in it twice")));
            }
            wanted.push((name.to_owned(), value));
        }
        Ok(Self { wanted })
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.wanted.iter().map(|(name, value)| format!("{name}={}", if *value { 1 } else { -1 }));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

/// Reads the images below `data_dir` (in `celeba/` or the folder itself) that are there and pass `filter`.
///
/// They come from the file `cache`, which is made if need be; `progress` hears of that alone.
///
/// # Errors
///
/// [`Error::NotFound`] with where to get the files; [`Error::Malformed`] for an archive, a list or an image that is no good, or
/// if none of the listed images is there; [`Error::Filter`] if the filter names no attribute or leaves no image to train on;
/// [`Error::Write`] if the cache cannot be written, [`Error::Stopped`] if `progress` says so: then no part of it is left.
pub fn read(data_dir: &Path, filter: &Filter, cache: &Path, progress: Progress<'_>) -> Result<Photos> {
    let folder = folder(data_dir);
    let not_found = |what| not_found(&folder, what);
    let (source, list) = (Source::find(&folder, IMAGES)?, find_list(&folder, PARTITION));
    let (source, list) = match (source, list) {
        (Some(source), Some(list)) => (source, list),
        (None, Some(_)) => return Err(not_found("img_align_celeba.zip")),
        (Some(_), None) => return Err(not_found("list_eval_partition.txt")),
        (None, None) => return Err(not_found("img_align_celeba.zip and list_eval_partition.txt")),
    };
    let lists = read_partition(&list)?;
    let passing = passing_in(&folder, filter)?;
    Plan {
        source: &source,
        lists: &lists,
        passing,
        filter: filter.to_string(),
        transform: TRANSFORM,
        published: PUBLISHED,
    }
    .carry_out(cache, progress)
}

/// The names of the images that `filter` lets pass by the list of attributes below `data_dir`; `None` if it is empty, and every
/// image passes.
///
/// # Errors
///
/// [`Error::NotFound`] if the list is not there, [`Error::Malformed`] if it is no good, [`Error::Filter`] if the filter names no
/// attribute.
pub fn passing(data_dir: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    passing_in(&folder(data_dir), filter)
}

fn passing_in(folder: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    match find_list(folder, ATTRIBUTES) {
        _ if filter.is_empty() => Ok(None),
        Some(path) => Ok(Some(passing_by(&path, filter)?)),
        None => Err(not_found(folder, "list_attr_celeba.txt, which the filter needs,")),
    }
}

fn not_found(folder: &Path, what: &str) -> Error {
    Error::NotFound { set: "CelebA", what: what.to_owned(), advice: advice(folder), folder: folder.to_path_buf() }
}

/// Looks at what is there below `data_dir`: the images by their names, the lists in full. No image is decoded.
#[must_use]
pub fn check(data_dir: &Path) -> Inventory {
    let folder = folder(data_dir);
    let (mut lists, mut list) = (None, None);
    if let Some(path) = find_list(&folder, PARTITION) {
        list = Some(read_partition(&path).map(|read| {
            let [train, validation, test] = lists.insert(read).each_ref().map(Vec::len);
            (path, format!("{train} training, {validation} validation and {test} test images"))
        }));
    }
    let (images, counts) = ItemState::of_images(Source::find(&folder, IMAGES), lists.map(Ok));
    let attributes = find_list(&folder, ATTRIBUTES).map(|path| {
        let table = read_attributes(&path)?;
        let rows = table.rows(|_| Ok(()))?;
        Ok((path, format!("{} attributes of {rows} images", table.columns.len() - 1)))
    });
    let items = vec![
        ("images", images),
        ("partition", ItemState::of(list, ItemState::Missing)),
        ("attributes", ItemState::of(attributes, ItemState::NotNeeded)),
    ];
    Inventory::new(folder, items, counts, PUBLISHED)
}

/// What who uses CelebA is bound by.
pub const TERMS: &str = "CelebA is for non-commercial research and not to be passed on; its authors' terms are at \
                         https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html";

/// How to get the files into `folder`, in one line.
#[must_use]
pub fn advice(folder: &Path) -> String {
    format!(
        "CelebA is for non-commercial research and not to be passed on, so you download it yourself: from \
         https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html img_align_celeba.zip (1.4 GB, 202,599 images) and \
         list_eval_partition.txt, or from https://www.kaggle.com/datasets/jessicali9530/celeba-dataset the folder \
         img_align_celeba/ and list_eval_partition.csv; put them into {} (the archive need not be unpacked), or point \
         --data-dir or GTN_DATA_DIR at a folder that has them in celeba/; or let `cargo xtask fetch celeba --from hub` make \
         them of the copy on the Hugging Face Hub",
        folder.display()
    )
}

/// The first of the usual folders that holds something of CelebA; `data_dir/celeba` if none does.
fn folder(data_dir: &Path) -> PathBuf {
    let usual = [data_dir.join("celeba"), data_dir.to_path_buf()];
    let holds_some = |folder: &&PathBuf| {
        // What cannot be looked at is there.
        let images = [format!("{IMAGES}.zip"), IMAGES.to_owned()]
            .iter()
            .any(|name| exists(&folder.join(name)).map_or(true, |found| found.is_some()));
        images || find_list(folder, PARTITION).is_some()
    };
    usual.iter().find(holds_some).unwrap_or(&usual[0]).clone()
}

fn find_list(folder: &Path, name: &str) -> Option<PathBuf> {
    [format!("{name}.txt"), format!("{name}.csv")].iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "csv")
}

/// The names of the images in each part: 0 trains, 1 validates, 2 tests.
fn read_partition(path: &Path) -> Result<Lists> {
    let mut lists = Lists::default();
    let mut add = |name: &str, part: &str| match part {
        "0" | "1" | "2" => {
            lists[usize::from(part.as_bytes()[0] - b'0')].push(name.to_owned());
            Ok(())
        }
        _ => Err(Error::malformed(path, format!("puts {name} into part `{part}`, and there are 0, 1 and 2"))),
    };
    if is_csv(path) {
        let table = Table::csv(path)?;
        let (name, part) = (table.column("image_id")?, table.column("partition")?);
        table.rows(|row| add(row[name], row[part]))?;
    } else {
        let text = tables::text(path)?;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut fields = line.split_whitespace();
            let (Some(name), Some(part), None) = (fields.next(), fields.next(), fields.next()) else {
                let reason = format!("line {} is not a name and a number, as in `000001.jpg 0`", index + 1);
                return Err(Error::malformed(path, reason));
            };
            add(name, part)?;
        }
    }
    photos::check_lists(&lists, [path; 3])?;
    Ok(lists)
}

fn read_attributes(path: &Path) -> Result<Table> {
    let table = if is_csv(path) { Table::csv(path)? } else { Table::counted(path)? };
    if table.columns.len() < 2 {
        return Err(Error::malformed(path, "has no attributes"));
    }
    Ok(table)
}

/// The images that the filter lets pass.
fn passing_by(path: &Path, filter: &Filter) -> Result<HashSet<String>> {
    let table = read_attributes(path)?;
    let mut columns = Vec::new();
    for (name, value) in &filter.wanted {
        let known = table.columns.iter().skip(1).position(|column| column == name);
        let known = known.ok_or_else(|| {
            let nearest = tables::nearest(name, table.columns.iter().skip(1).map(String::as_str));
            let reason = format!("CelebA has no attribute `{name}`; the nearest are {nearest}");
            Error::Filter { filter: filter.to_string(), reason }
        })?;
        columns.push((known + 1, *value));
    }
    let mut passing = HashSet::new();
    table.rows(|row| {
        for &(column, wanted) in &columns {
            let found = match row[column] {
                "1" => true,
                "-1" => false,
                other => {
                    let reason = format!("says that {} of {} is `{other}`", table.columns[column], row[0]);
                    return Err(Error::malformed(path, format!("{reason}, and values are 1 and -1")));
                }
            };
            if found != wanted {
                return Ok(());
            }
        }
        passing.insert(row[0].to_owned());
        Ok(())
    })?;
    Ok(passing)
}
