//! Pages of lists, by key rather than by offset: what is made or deleted meanwhile moves nothing.

use uuid::Uuid;

/// The most items of a page.
pub const PAGE_MAX: u64 = 100;
/// The items of a page when nobody says.
pub const PAGE_DEFAULT: u64 = 50;

/// Which part of a list is wanted. Lists are ordered by identifier, which is by age.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// How many items, at most [`PAGE_MAX`].
    pub first: u64,
    /// The identifier of the last item already had.
    pub after: Option<Uuid>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            first: PAGE_DEFAULT,
            after: None,
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub has_next: bool,
}

impl<T> Page<T> {
    /// A page without items.
    pub fn empty() -> Self {
        Self {
            items: Vec::new(),
            has_next: false,
        }
    }

    /// A page of what a query for one item more than wanted returned.
    pub(super) fn from_query(mut items: Vec<T>, request: PageRequest) -> Self {
        let wanted = usize::try_from(request.first).unwrap_or(usize::MAX);
        let has_next = items.len() > wanted;
        items.truncate(wanted);
        Self { items, has_next }
    }

    /// The page with each item turned into something else, unless one can't be.
    pub(super) fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            has_next: self.has_next,
        })
    }
}

/// Orders `select` by `column`, begins behind the last item had, and asks for one item more than
/// wanted.
pub(super) fn limit<E: sea_orm::EntityTrait>(
    select: sea_orm::Select<E>,
    column: E::Column,
    request: PageRequest,
) -> sea_orm::Select<E> {
    use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
    let select = match request.after {
        Some(after) => select.filter(column.gt(after)),
        None => select,
    };
    select.order_by_asc(column).limit(request.first + 1)
}
