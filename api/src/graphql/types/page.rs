//! Relay's cursor connections over pages by key.

use std::borrow::Cow;

use async_graphql::{
    Error, ErrorExtensions, Object, OutputType, Result, TypeName, connection::PageInfo,
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

/// A page of a list.
pub struct List<N> {
    page_info: PageInfo,
    edges: Vec<ListEdge<N>>,
}

/// An element of a list, and where it is in it.
pub struct ListEdge<N> {
    cursor: String,
    node: N,
}

impl<N> List<N> {
    /// A list of nothing.
    pub(crate) fn empty() -> Self {
        Self::new(false, false, Vec::new())
    }

    fn new(has_previous_page: bool, has_next_page: bool, edges: Vec<ListEdge<N>>) -> Self {
        let cursor = |edge: &ListEdge<N>| edge.cursor.clone();
        Self {
            page_info: PageInfo {
                has_previous_page,
                has_next_page,
                start_cursor: edges.first().map(cursor),
                end_cursor: edges.last().map(cursor),
            },
            edges,
        }
    }
}

impl<N: OutputType> TypeName for List<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

impl<N: OutputType> TypeName for ListEdge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

/// A page of a list, in the form of Relay's connections.
#[Object(name_type)]
impl<N: OutputType> List<N> {
    /// Where in the list the page is.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// The elements with their cursors.
    async fn edges(&self) -> &[ListEdge<N>] {
        &self.edges
    }

    /// The elements.
    async fn nodes(&self) -> Vec<&N> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }
}

/// An element of a list, and where it is in it.
#[Object(name_type)]
impl<N: OutputType> ListEdge<N> {
    /// The element.
    async fn node(&self) -> &N {
        &self.node
    }

    /// Where it is; send it as `after` to go on behind it.
    async fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// The page as a list of nodes. A node's cursor is its identifier, opaquely.
pub(crate) fn list<T, N>(
    page: Page<T>,
    is_behind: bool,
    id: impl Fn(&T) -> Uuid,
    node: impl Fn(T) -> N,
) -> List<N> {
    let edge = |item| ListEdge {
        cursor: URL_SAFE_NO_PAD.encode(id(&item).as_bytes()),
        node: node(item),
    };
    List::new(
        is_behind,
        page.has_next,
        page.items.into_iter().map(edge).collect(),
    )
}
