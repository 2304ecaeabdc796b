/// The format of run folders: of configuration, artifacts and records. A folder of another format is refused.
pub const FORMAT: u32 = 2;
