//! CelebA: images of faces.

use gtn_data::celeba;
use gtn_run::config::OfficialSplit;

use super::official_split::OfficialSet;

pub(super) fn dataset(split: &OfficialSplit) -> OfficialSet<'_> {
    OfficialSet {
        title: "CelebA",
        cache_name: "celeba",
        split,
        read: |(data_dir, max_unreadable), filter, cache, progress| {
            celeba::read_tolerating(max_unreadable, data_dir, &filter.parse()?, cache, progress)
        },
        filtered_names: |data_dir, filter| celeba::filtered_names(data_dir, &filter.parse()?),
    }
}
