//! 11K Hands (HaP, hands and palms): 11,076 photographs of hands of 190 people, 1600×1200 pixels, as Kaggle lays them out.
//!
//! Read from `Hands/` (or `Hands/Hands/`, or `Hands.zip`), with the random split of the lists `hands_kaggle-train.csv`,
//! `hands_kaggle-val.csv` and `hands_kaggle-test.csv`. Which list an image is in decides; their column `Partition` does not
//! agree with the usual numbers. Images are scaled to 64×64, proportions not kept. Lists may name images that are not there:
//! they are counted, and left out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::photos::source::{Source, exists};
use crate::photos::{self, Inventory, ItemState, Lists, Photos, Plan, Progress, Transform};
use crate::tables::{self, Table};
use crate::{Error, Result};

/// The whole photograph, scaled to 64×64.
pub const TRANSFORM: Transform = Transform { crop: None, side: 64 };

/// Numbers of training, validation and test images in the published lists.
pub const PUBLISHED: [usize; 3] = [8903, 1096, 1077];

const IMAGES: &str = "Hands";
const LISTS: [&str; 3] = ["hands_kaggle-train.csv", "hands_kaggle-val.csv", "hands_kaggle-test.csv"];
const TABLE: &str = "HandInfo.csv";

const ASPECTS: [&str; 4] = ["palmar", "dorsal", "left", "right"];
const KEYS: [&str; 3] = ["aspect", "accessories", "id"];

/// What images must show; an empty one lets every image pass.
///
/// As text: `aspect=palmar,aspect=right,accessories=0,id=0000012`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words that the aspect must have, all of them: `palmar` or `dorsal`, `left` or `right`.
    aspects: Vec<&'static str>,
    /// Whether there must be accessories, or must be none.
    accessories: Option<bool>,
    /// The people one of whom it must be.
    ids: Vec<u64>,
}

impl Filter {
    /// Whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Filter { filter: text.to_owned(), reason };
        let mut filter = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| refuse(format!("`{part}` is not of the form KEY=VALUE, as in aspect=palmar")))?;
            match (key.trim(), value.trim()) {
                ("aspect", value) => match ASPECTS.into_iter().find(|known| *known == value) {
                    Some(known) => filter.aspects.push(known),
                    None => {
                        let nearest = tables::nearest(value, ASPECTS.into_iter());
                        return Err(refuse(format!("hands have no aspect `{value}`; the nearest are {nearest}")));
                    }
                },
                ("accessories", value @ ("0" | "1")) => filter.accessories = Some(value == "1"),
                ("accessories", value) => {
                    return Err(refuse(format!("the value of `accessories` is `{value}`, and can be 0 or 1")));
                }
                ("id", value) => match value.parse() {
                    Ok(id) => filter.ids.push(id),
                    Err(_) => return Err(refuse(format!("the value of `id` is `{value}`, which is no number"))),
                },
                (key, _) => {
                    let nearest = tables::nearest(key, KEYS.into_iter());
                    return Err(refuse(format!("hands are not told apart by `{key}`, but by {nearest}")));
                }
            }
        }
        Ok(filter)
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let aspects = self.aspects.iter().map(|aspect| format!("aspect={aspect}"));
        let accessories = self.accessories.iter().map(|&with| format!("accessories={}", u8::from(with)));
        let ids = self.ids.iter().map(|id| format!("id={id:07}"));
        f.write_str(&aspects.chain(accessories).chain(ids).collect::<Vec<_>>().join(","))
    }
}

/// Reads the images below `data_dir` (in `hap/` or the folder itself) that are there and pass `filter`.
///
/// They come from the file `cache`, which is made if need be; `progress` hears of that alone.
///
/// # Errors
///
/// [`Error::NotFound`] with where to get the files; [`Error::Malformed`] for a list or an image that is no good, or if none of
/// the listed images is there; [`Error::Filter`] if the filter leaves no image to train on; [`Error::Write`] if the cache
/// cannot be written, [`Error::Stopped`] if `progress` says so: then no part of it is left.
pub fn read(data_dir: &Path, filter: &Filter, cache: &Path, progress: Progress<'_>) -> Result<Photos> {
    let folder = folder(data_dir);
    let source = Source::find(&folder, IMAGES)?;
    let mut missing: Vec<&str> = LISTS.into_iter().filter(|name| !folder.join(name).is_file()).collect();
    if source.is_none() {
        missing.insert(0, "Hands/");
    }
    if !filter.is_empty() && !folder.join(TABLE).is_file() {
        missing.push(TABLE);
    }
    let (Some(source), []) = (source, &missing[..]) else {
        return Err(Error::NotFound { set: "11K Hands", what: missing.join(" and "), advice: advice(&folder), folder });
    };
    let lists = read_lists(&folder)?;
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

/// The names of the images that `filter` lets pass by `HandInfo.csv` below `data_dir`; `None` if it is empty, and every image
/// passes.
///
/// # Errors
///
/// [`Error::NotFound`] if the table is not there, [`Error::Malformed`] if it is no good.
pub fn passing(data_dir: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    passing_in(&folder(data_dir), filter)
}

fn passing_in(folder: &Path, filter: &Filter) -> Result<Option<HashSet<String>>> {
    let table = folder.join(TABLE);
    if filter.is_empty() {
        return Ok(None);
    }
    if !table.is_file() {
        return Err(Error::NotFound {
            set: "11K Hands",
            what: TABLE.to_owned(),
            advice: advice(folder),
            folder: folder.to_path_buf(),
        });
    }
    Ok(Some(passing_by(&table, filter)?))
}

/// Looks at what is there below `data_dir`: the images by their names, the lists in full. No image is decoded.
#[must_use]
pub fn check(data_dir: &Path) -> Inventory {
    let folder = folder(data_dir);
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let list = |name| there(name).map(|path| read_list(&path).map(|list| (path, format!("{} images", list.len()))));
    let mut items: Vec<_> = LISTS.map(|name| (name, ItemState::of(list(name), ItemState::Missing))).into();
    let usable = items.iter().all(|(_, state)| matches!(state, ItemState::Found(..)));
    let (images, counts) = ItemState::of_images(Source::find(&folder, IMAGES), usable.then(|| read_lists(&folder)));
    let table = there(TABLE).map(|path| {
        let count = Table::csv(&path).and_then(|table| table.rows(|_| Ok(())))?;
        Ok((path, format!("what {count} images show")))
    });
    items.insert(0, ("images", images));
    items.push((TABLE, ItemState::of(table, ItemState::NotNeeded)));
    Inventory::new(folder, items, counts, PUBLISHED)
}

/// How to get the files into `folder`, in one line.
#[must_use]
pub fn advice(folder: &Path) -> String {
    format!(
        "11K Hands is for research and not to be passed on, so you download it yourself: from \
         https://sites.google.com/view/11khands or https://www.kaggle.com/datasets/shyambhu/hands-and-palm-images-dataset \
         the folder Hands/ (11,076 images of 1600×1200) and HandInfo.csv, which filters need; the split \
         ({}) comes with the paper's code; put them into {}, or point --data-dir or GTN_DATA_DIR at a folder that has them \
         in hap/",
        LISTS.join(", "),
        folder.display()
    )
}

/// The first of the usual folders that holds something of the set; `data_dir/hap` if none does.
fn folder(data_dir: &Path) -> PathBuf {
    let usual = [data_dir.join("hap"), data_dir.to_path_buf()];
    let names = [IMAGES, "Hands.zip", LISTS[0], LISTS[1], LISTS[2]];
    // What cannot be looked at is there.
    let holds = |folder: &Path, name: &str| exists(&folder.join(name)).map_or(true, |found| found.is_some());
    usual.iter().find(|folder| names.iter().any(|name| holds(folder, name))).unwrap_or(&usual[0]).clone()
}

fn read_list(path: &Path) -> Result<Vec<String>> {
    let table = Table::csv(path)?;
    let name = table.column("Filename")?;
    let mut names = Vec::new();
    table.rows(|row| {
        names.push(row[name].to_owned());
        Ok(())
    })?;
    Ok(names)
}

fn read_lists(folder: &Path) -> Result<Lists> {
    let paths = LISTS.map(|name| folder.join(name));
    let lists = [read_list(&paths[0])?, read_list(&paths[1])?, read_list(&paths[2])?];
    photos::check_lists(&lists, [&paths[0], &paths[1], &paths[2]])?;
    Ok(lists)
}

/// The images that the filter lets pass.
fn passing_by(path: &Path, filter: &Filter) -> Result<HashSet<String>> {
    let table = Table::csv(path)?;
    let [name, aspect, accessories, id] =
        ["imageName", "aspectOfHand", "accessories", "id"].map(|column| table.column(column));
    let (name, aspect, accessories, id) = (name?, aspect?, accessories?, id?);
    let mut passing = HashSet::new();
    table.rows(|row| {
        let has = |wanted: &&str| row[aspect].split_whitespace().any(|word| word == *wanted);
        let adorned = filter.accessories.is_none_or(|with| row[accessories] == if with { "1" } else { "0" });
        let of_them = filter.ids.is_empty() || row[id].parse().is_ok_and(|id| filter.ids.contains(&id));
        if filter.aspects.iter().all(has) && adorned && of_them {
            passing.insert(row[name].to_owned());
        }
        Ok(())
    })?;
    Ok(passing)
}
