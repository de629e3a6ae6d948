//! How long a file is tried to be copied.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::remote::is_passing;
use crate::failure::Failure;

/// How long the way to the space may be broken without a byte coming through.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between attempts.
const RETRY: Duration = Duration::from_millis(500);

/// What is left for a file.
#[derive(Debug)]
pub struct Patience {
    /// When something last came through.
    heard: Instant,
}

impl Patience {
    /// That of a first attempt.
    pub fn begin() -> Self {
        Self {
            heard: Instant::now(),
        }
    }

    /// Waits for the next attempt after one that ended with `failure`; `is_further` says whether
    /// more of the file is there than after those before.
    ///
    /// # Errors
    ///
    /// That failure, where another attempt is of no use, or patience is at its end.
    pub async fn wait(&mut self, failure: Failure, is_further: bool) -> Result<(), Failure> {
        if !is_passing(&failure) {
            return Err(failure);
        }
        if is_further {
            self.heard = Instant::now();
        }
        if self.heard.elapsed() > PATIENCE {
            return Err(failure.hint("run it again to go on where it broke off"));
        }
        sleep(RETRY).await;
        Ok(())
    }
}
