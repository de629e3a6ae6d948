//! Copying files between this machine and spaces.

pub mod destination;
pub mod download;
pub mod listing;
pub mod operand;
pub mod patience;
pub mod progress;
pub mod remote;
pub mod upload;
