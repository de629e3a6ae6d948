//! Docker Engine, through its HTTP API.
