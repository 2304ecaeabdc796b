//! 11K Hands (Hands-and-Palm): images of hands.

use gtn_data::hap;
use gtn_run::config::OfficialSplit;

use super::official_split::OfficialSet;

pub(super) fn dataset(split: &OfficialSplit) -> OfficialSet<'_> {
    OfficialSet {
        title: "11K Hands",
        cache_name: "hap",
        split,
        read: |(data_dir, max_unreadable), filter, cache, progress| {
            hap::read_tolerating(max_unreadable, data_dir, &filter.parse()?, cache, progress)
        },
        filtered_names: |data_dir, filter| hap::filtered_names(data_dir, &filter.parse()?),
    }
}
