//! Relay's cursor connections over pages by key.

use async_graphql::{
    Error, ErrorExtensions, OutputType, Result,
    connection::{Connection, Edge, EmptyFields},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::store::{PAGE_DEFAULT, PAGE_MAX, Page, PageRequest};

/// Reads `first` and `after`.
pub(crate) fn request(first: Option<i32>, after: Option<String>) -> Result<PageRequest> {
    let invalid = |message: String| {
        Error::new(message).extend_with(|_, extensions| extensions.set("code", "INVALID_INPUT"))
    };
    let first = match first.map(u64::try_from) {
        None => PAGE_DEFAULT,
        Some(Ok(first)) if first <= PAGE_MAX => first,
        Some(_) => return Err(invalid(format!("`first` must be from 0 to {PAGE_MAX}"))),
    };
    let after = match after {
        None => None,
        Some(text) => {
            let bytes = URL_SAFE_NO_PAD.decode(&text).ok();
            let id = bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok());
            Some(id.ok_or_else(|| invalid("`after` is no cursor of this list".to_owned()))?)
        }
    };
    Ok(PageRequest { first, after })
}

/// The page as a connection. A node's cursor is its identifier, opaquely.
pub(crate) fn connection<T, N: OutputType>(
    page: Page<T>,
    after: bool,
    id: impl Fn(&T) -> Uuid,
    node: impl Fn(T) -> N,
) -> Connection<String, N, EmptyFields, EmptyFields> {
    let mut connection = Connection::new(after, page.has_next);
    connection.edges.extend(page.items.into_iter().map(|item| {
        let cursor = URL_SAFE_NO_PAD.encode(id(&item).as_bytes());
        Edge::new(cursor, node(item))
    }));
    connection
}
