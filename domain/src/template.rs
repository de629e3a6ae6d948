//! The blueprint of a space.
//!
//! A template has immutable versions; a space is pinned to one. What an administrator sends is a
//! [`Draft`]; [`Draft::validate`] turns it into a [`Blueprint`] or names every mistake with its
//! field. A blueprint may use variables, written `${NAME}`, in its command and its environment; a
//! space's parameters fill them ([`Blueprint::fill`]).

mod blueprint;
mod draft;
mod variables;

pub use blueprint::{Blueprint, EnvVar, Feature, PortDeclaration, Variable, VolumeDeclaration};
pub use draft::{DEFAULT_PIDS, Draft, MEMORY_MIN_MIB, VOLUME_MAX_GIB, VolumeDraft};
pub use variables::{Filled, PARAMETER_MAX_BYTES, PARAMETERS_MAX, Parameter};
