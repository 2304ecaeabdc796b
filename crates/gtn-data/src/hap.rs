//! 11K Hands (HaP, hands and palms): 11,076 images of the hands of 190 people, 1600×1200 pixels, in Kaggle's layout.
//!
//! The images are read from `Hands/` (or `Hands/Hands/`, or `Hands.zip`). The random split comes from the lists
//! `hands_kaggle-train.csv`, `hands_kaggle-val.csv` and `hands_kaggle-test.csv`. The list that names an image decides
//! its split; the `Partition` column is ignored because it does not follow the usual numbering. Images are resized to
//! 64×64 without keeping their aspect ratio. Images that a list names but that do not exist are counted and skipped.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use gtn_io::UnknownName;

use crate::image_set::dataset_files::{DatasetFiles, ImageFilter, find_table, parse_filter};
use crate::image_set::image_source::ImageSource;
use crate::image_set::{self, ImageSet, Inventory, ItemState, MAX_UNREADABLE, NameLists, ProgressFn, Transform};
use crate::text_table::Table;
use crate::{Error, Result};

/// Resizes the full image to 64×64.
pub const TRANSFORM: Transform = Transform { crop: None, side: 64 };

/// Number of training, validation and test images in the published lists.
pub const SPLIT_SIZES: [usize; 3] = [8903, 1096, 1077];

const IMAGES: &str = "Hands";
const LISTS: [&str; 3] = ["hands_kaggle-train.csv", "hands_kaggle-val.csv", "hands_kaggle-test.csv"];
const TABLE: &str = "HandInfo.csv";

const DATASET: DatasetFiles = DatasetFiles {
    dataset: "11K Hands",
    folder: "hap",
    images: IMAGES,
    images_download: "Hands/",
    lists: &LISTS,
    table: TABLE,
    read_lists,
    transform: TRANSFORM,
    split_sizes: SPLIT_SIZES,
    instructions: download_instructions,
};

const ASPECTS: [&str; 4] = ["palmar", "dorsal", "left", "right"];
const KEYS: [&str; 3] = ["aspect", "accessories", "id"];

/// Conditions that an image must meet. An empty filter selects every image.
///
/// The text form is `aspect=palmar,aspect=right,accessories=0,id=0000012`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Aspects that must all apply: `palmar` or `dorsal`, `left` or `right`.
    aspects: Vec<&'static str>,
    /// Whether the hand must wear accessories (`Some(true)`) or must not (`Some(false)`).
    accessories: Option<bool>,
    /// IDs of the accepted people; empty accepts everyone.
    ids: Vec<u64>,
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut filter = Self::default();
        parse_filter(text, "KEY=VALUE; write it as in `aspect=palmar`", |key, value| {
            match (key, value) {
                ("aspect", value) => {
                    let known = ASPECTS.into_iter().find(|known| *known == value);
                    filter.aspects.push(known.ok_or_else(|| UnknownName::new("aspect", value, ASPECTS).to_string())?);
                }
                ("accessories", "0" | "1") => filter.accessories = Some(value == "1"),
                ("accessories", _) => return Err(format!("`accessories` must be 0 or 1, not `{value}`")),
                ("id", value) => {
                    filter.ids.push(value.parse().map_err(|_| format!("`id` must be a number, not `{value}`"))?);
                }
                _ => return Err(UnknownName::new("key", key, KEYS).to_string()),
            }
            Ok(())
        })?;
        Ok(filter)
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let aspects = self.aspects.iter().map(|aspect| format!("aspect={aspect}"));
        let accessories = self.accessories.iter().map(|&required| format!("accessories={}", u8::from(required)));
        let ids = self.ids.iter().map(|id| format!("id={id:07}"));
        f.write_str(&aspects.chain(accessories).chain(ids).collect::<Vec<_>>().join(","))
    }
}

/// Reads the existing images below `data_dir` (in `hap/` or in the folder itself) that match `filter`,
/// through the file `cache`.
///
/// # Errors
///
/// As for [`celeba::read`](crate::celeba::read()).
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

/// The names of the images that match `filter` according to `HandInfo.csv` below `data_dir`, or `None` if the filter is
/// empty.
///
/// # Errors
///
/// [`Error::NotFound`] if the table is missing, [`Error::File`] if it is invalid.
pub fn filtered_names(data_dir: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    DATASET.filtered_names(&DATASET.find_folder(data_dir), filter)
}

/// Checks which files exist below `data_dir`. Lists are read completely; images are looked up by name but not decoded.
#[must_use]
pub fn check(data_dir: &Path) -> Inventory {
    let folder = DATASET.find_folder(data_dir);
    let list = |name| {
        find_table(&folder, name).map(|path| read_list(&path).map(|list| (path, format!("{} images", list.len()))))
    };
    let mut items: Vec<_> = LISTS.map(|name| (name, ItemState::from_check(list(name), ItemState::Missing))).into();
    let lists_are_valid = items.iter().all(|(_, state)| matches!(state, ItemState::Found(..)));
    let lists = lists_are_valid.then(|| read_lists(&LISTS.map(|name| folder.join(name))));
    let (images, counts) = ItemState::check_images(ImageSource::find(&folder, IMAGES), lists);
    let table = find_table(&folder, TABLE).map(|path| {
        let count = Table::open_csv(&path).and_then(|table| table.for_each_row(|_| Ok(())))?;
        Ok((path, format!("descriptions of {count} images")))
    });
    items.insert(0, ("images", images));
    items.push((TABLE, ItemState::from_check(table, ItemState::MissingOptional)));
    Inventory::new(folder, items, counts, SPLIT_SIZES)
}

/// How to get the files into `folder`, as one line.
#[must_use]
pub fn download_instructions(folder: &Path) -> String {
    format!(
        "11K Hands is for research only and may not be redistributed, so download it yourself: get the folder Hands/ (11,076 \
         images of 1600×1200) and HandInfo.csv (only filters need it) from https://sites.google.com/view/11khands or \
         https://www.kaggle.com/datasets/shyambhu/hands-and-palm-images-dataset; the split ({}) comes with the paper's code; \
         put everything into {}, or point --data-dir or GTN_DATA_DIR at a folder that has it in hap/",
        LISTS.join(", "),
        folder.display()
    )
}

fn read_list(path: &Path) -> Result<Vec<String>> {
    let table = Table::open_csv(path)?;
    let name = table.column_index("Filename")?;
    let mut names = Vec::new();
    table.for_each_row(|row| {
        names.push(row[name].to_owned());
        Ok(())
    })?;
    Ok(names)
}

fn read_lists(paths: &[PathBuf]) -> Result<NameLists> {
    let [train, validation, test] = paths else { unreachable!("there are three lists") };
    let lists = [read_list(train)?, read_list(validation)?, read_list(test)?];
    image_set::check_lists(&lists, [train, validation, test].map(PathBuf::as_path))?;
    Ok(lists)
}

impl ImageFilter for Filter {
    fn matching_names(&self, path: &Path) -> Result<HashSet<String>> {
        let table = Table::open_csv(path)?;
        let [name, aspect, accessories, id] =
            ["imageName", "aspectOfHand", "accessories", "id"].map(|column| table.column_index(column));
        let (name, aspect, accessories, id) = (name?, aspect?, accessories?, id?);
        table.values_where(name, |row| {
            let has = |wanted: &&str| row[aspect].split_whitespace().any(|word| word == *wanted);
            let accessories_match =
                self.accessories.is_none_or(|required| row[accessories] == if required { "1" } else { "0" });
            let id_matches = self.ids.is_empty() || row[id].parse().is_ok_and(|id| self.ids.contains(&id));
            Ok(self.aspects.iter().all(has) && accessories_match && id_matches)
        })
    }
}
