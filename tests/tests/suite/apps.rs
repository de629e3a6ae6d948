//! Apps of spaces: what the control plane does so that a browser gets into one.

mod codes;
mod entrance;
mod feed;
