use crate::{Collective, Error, Result};

/// One process, alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Single;

impl Collective for Single {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn send(&self, to: usize, _message: &[u8]) -> Result<()> {
        Err(Error::Lost { rank: to })
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>> {
        Err(Error::Lost { rank: from })
    }

    fn broadcast(&self, _message: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn abort(&self, exit_code: i32) -> ! {
        std::process::exit(exit_code)
    }
}
