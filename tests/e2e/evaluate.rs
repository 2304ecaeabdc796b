//! `gtn evaluate` on images, statistics and runs.
