use gtn_data::Images;
use gtn_data::split::SplitIndices;

/// Images with their split.
pub(crate) struct ImageData {
    pub(crate) images: Images,
    /// Their file names, if each image has its own file.
    pub(crate) names: Vec<String>,
    pub(crate) split: SplitIndices,
    /// Checksum of the pixels.
    pub(crate) checksum: String,
    /// The official test set, if it exists.
    pub(crate) test: Option<TestSet>,
    /// The class of each image, numbered from 0, if the data have classes: of the images, and of those of the test set.
    pub(crate) labels: Option<[Vec<u32>; 2]>,
    /// What the user should know about the files.
    pub(crate) notes: Vec<String>,
    /// Why the cache of decoded images was recreated, if it was.
    pub(crate) cache_note: Option<String>,
}

/// Images that are used for neither training nor selection.
pub(crate) struct TestSet {
    pub(crate) images: Images,
    /// Indices of the images that are used.
    pub(crate) indices: Vec<usize>,
    /// Checksum of the pixels.
    pub(crate) checksum: String,
}
