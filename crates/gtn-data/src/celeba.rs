//! CelebA: 202,599 aligned images of faces, 178×218 pixels, with an official split and 40 attributes per image.
//!
//! The images are read from `img_align_celeba.zip` as downloaded, or from the folder it was extracted to. The split
//! comes from `list_eval_partition.txt` (or the `.csv` of the copy on Kaggle). Each image is center-cropped to 148×148
//! pixels and resized to 64×64. Images that the list names but that do not exist are counted and skipped.

use std::collections::HashSet;
use std::path::Path;
use std::str::FromStr;

use gtn_io::UnknownName;

use crate::image_set::dataset_files::{DatasetFiles, ImageFilter, find_table, parse_filter};
use crate::image_set::image_source::ImageSource;
use crate::image_set::{self, ImageSet, Inventory, ItemState, MAX_UNREADABLE, NameLists, ProgressFn, Transform};
use crate::text_table::{self, Table};
use crate::{Error, Result};

#[cfg(feature = "hub")]
pub mod hub;

/// Center-crops to 148×148 pixels and resizes to 64×64.
pub const TRANSFORM: Transform = Transform { crop: Some(148), side: 64 };

/// Number of training, validation and test images in the published data set.
pub const SPLIT_SIZES: [usize; 3] = [162_770, 19_867, 19_962];

const IMAGES: &str = "img_align_celeba";
const PARTITION: &str = "list_eval_partition.txt";
const ATTRIBUTES: &str = "list_attr_celeba.txt";

const DATASET: DatasetFiles = DatasetFiles {
    dataset: "CelebA",
    folder: "celeba",
    images: IMAGES,
    images_download: "img_align_celeba.zip",
    lists: &[PARTITION],
    table: ATTRIBUTES,
    read_lists: |paths| read_partition(&paths[0]),
    transform: TRANSFORM,
    split_sizes: SPLIT_SIZES,
    instructions: download_instructions,
};

/// Attributes that an image must have or must not have. An empty filter selects every image.
///
/// The text form is `Smiling=1,Male=-1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    required: Vec<(String, bool)>,
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut required: Vec<(String, bool)> = Vec::new();
        parse_filter(text, "NAME=1 or NAME=-1; write `Smiling=1`", |name, value| {
            let value = match value {
                "1" => true,
                "-1" => false,
                _ => return Err(format!("`{name}` must be 1 or -1, not `{value}`")),
            };
            if required.iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` appears twice; give each attribute once"));
            }
            required.push((name.to_owned(), value));
            Ok(())
        })?;
        Ok(Self { required })
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.required.iter().map(|(name, value)| format!("{name}={}", if *value { 1 } else { -1 }));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

/// Reads the existing images below `data_dir` (in `celeba/` or in the folder itself) that match `filter`.
///
/// The decoded images come from the file `cache`, which is created if necessary. `progress` is called only while it is
/// being created.
///
/// # Errors
///
/// [`Error::NotFound`] with download instructions if files are missing; [`Error::File`] for an invalid archive,
/// list or image, or if none of the listed images exists; [`Error::Filter`] if the filter names an unknown attribute or
/// no training or validation image matches it; [`Error::Write`] if the cache cannot be written; [`Error::Stopped`] if
/// `progress` asks to stop. A cache that fails or stops halfway is removed.
pub fn read(data_dir: &Path, filter: &Filter, cache: &Path, progress: ProgressFn<'_>) -> Result<ImageSet> {
    read_tolerating(MAX_UNREADABLE, data_dir, filter, cache, progress)
}

/// As [`read`], but another fraction of the selected files may be unreadable.
///
/// # Errors
///
/// As [`read`].
pub fn read_tolerating(
    max_unreadable: f64,
    data_dir: &Path,
    filter: &Filter,
    cache: &Path,
    progress: ProgressFn<'_>,
) -> Result<ImageSet> {
    DATASET.read((data_dir, max_unreadable), filter, cache, progress)
}

/// The names of the images that match `filter` according to the list of attributes below `data_dir`, or `None` if the
/// filter is empty.
///
/// # Errors
///
/// [`Error::NotFound`] if the list is missing, [`Error::File`] if it is invalid, [`Error::Filter`] if the filter
/// names an unknown attribute.
pub fn filtered_names(data_dir: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    DATASET.filtered_names(&DATASET.find_folder(data_dir), filter)
}

/// Checks which files exist below `data_dir`. Lists are read completely; images are looked up by name but not decoded.
#[must_use]
pub fn check(data_dir: &Path) -> Inventory {
    let folder = DATASET.find_folder(data_dir);
    let mut lists = None;
    let list = find_table(&folder, PARTITION).map(|path| {
        let [train, validation, test] = lists.insert(read_partition(&path)?).each_ref().map(Vec::len);
        Ok((path, format!("{train} training, {validation} validation and {test} test images")))
    });
    let (images, counts) = ItemState::check_images(ImageSource::find(&folder, IMAGES), lists.map(Ok));
    let attributes = find_table(&folder, ATTRIBUTES).map(|path| {
        let table = read_attributes(&path)?;
        let rows = table.for_each_row(|_| Ok(()))?;
        Ok((path, format!("{} attributes of {rows} images", table.columns.len() - 1)))
    });
    let items = vec![
        ("images", images),
        ("partition", ItemState::from_check(list, ItemState::Missing)),
        ("attributes", ItemState::from_check(attributes, ItemState::MissingOptional)),
    ];
    Inventory::new(folder, items, counts, SPLIT_SIZES)
}

/// CelebA's terms of use, as one line.
pub const TERMS_OF_USE: &str = "CelebA is for non-commercial research only and may not be redistributed; its terms of use are \
                                at https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html";

/// How to get the files into `folder`, as one line.
#[must_use]
pub fn download_instructions(folder: &Path) -> String {
    format!(
        "CelebA is for non-commercial research only and may not be redistributed, so download it yourself: get \
         img_align_celeba.zip (1.4 GB, 202,599 images) and list_eval_partition.txt from \
         https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, or the folder img_align_celeba/ and list_eval_partition.csv from \
         https://www.kaggle.com/datasets/jessicali9530/celeba-dataset; put them into {} (there is no need to extract the \
         archive), or point --data-dir or GTN_DATA_DIR at a folder that has them in celeba/; or run \
         `cargo xtask fetch celeba --from hub` to build them from the copy on the Hugging Face Hub",
        folder.display()
    )
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv")
}

/// The names of the images in each split: 0 is training, 1 validation, 2 test.
fn read_partition(path: &Path) -> Result<NameLists> {
    let mut lists = NameLists::default();
    let mut add = |name: &str, split: &str| match split {
        "0" | "1" | "2" => {
            lists[usize::from(split.as_bytes()[0] - b'0')].push(name.to_owned());
            Ok(())
        }
        _ => Err(Error::malformed(path, format!("{name} has split `{split}`, expected 0, 1 or 2"))),
    };
    if is_csv(path) {
        let table = Table::open_csv(path)?;
        let (name, split) = (table.column_index("image_id")?, table.column_index("partition")?);
        table.for_each_row(|row| add(row[name], row[split]))?;
    } else {
        let text = text_table::read_text(path)?;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut fields = line.split_whitespace();
            let (Some(name), Some(split), None) = (fields.next(), fields.next(), fields.next()) else {
                let reason =
                    format!("line {} is not a name and a number; expected a line like `000001.jpg 0`", index + 1);
                return Err(Error::malformed(path, reason));
            };
            add(name, split)?;
        }
    }
    image_set::check_lists(&lists, [path; 3])?;
    Ok(lists)
}

fn read_attributes(path: &Path) -> Result<Table> {
    let table = if is_csv(path) { Table::open_csv(path)? } else { Table::open_whitespace_separated(path)? };
    if table.columns.len() < 2 {
        return Err(Error::malformed(path, "the list has no attributes; download it again"));
    }
    Ok(table)
}

impl ImageFilter for Filter {
    fn matching_names(&self, path: &Path) -> Result<HashSet<String>> {
        let table = read_attributes(path)?;
        let attributes = &table.columns[1..];
        let mut columns = Vec::new();
        for (name, value) in &self.required {
            let position = attributes.iter().position(|attribute| attribute == name).ok_or_else(|| {
                let reason = UnknownName::new("attribute of CelebA", name, attributes).to_string();
                Error::Filter { filter: self.to_string(), reason }
            })?;
            columns.push((position + 1, *value));
        }
        table.values_where(0, |row| {
            for &(column, required) in &columns {
                let value = match row[column] {
                    "1" => true,
                    "-1" => false,
                    other => {
                        let (attribute, name) = (&table.columns[column], row[0]);
                        let reason =
                            format!("`{attribute}` of {name} is `{other}`, expected 1 or -1; download it again");
                        return Err(Error::malformed(path, reason));
                    }
                };
                if value != required {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}
