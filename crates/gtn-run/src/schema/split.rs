use gtn_io::names;

names! {
    /// A part of a data set. Its name is part of keys of artifacts and of purposes of random streams, where it is frozen.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Split: "split" {
        /// Trains the networks.
        Train => "train",
        /// Used to select the best epoch, and as the reference for the metrics.
        Validation => "validation",
        /// The official test set, which is used for neither training nor selection.
        Test => "test",
    }
}
