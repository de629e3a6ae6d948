//! Templates, their versions, and whom they are offered to.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set,
    sea_query::Query,
};
use spaceport_domain::{
    access::{Actor, Permission},
    id::{GroupId, TemplateId, TemplateVersionId},
    template::Blueprint,
    time::Timestamp,
};
use spaceport_entity as entity;
use uuid::Uuid;

use super::{
    Change, Page, PageRequest, Store, StoreError,
    page::limit,
    rows::{at, corrupt, json, to_json},
};

/// A template. What it says is in its versions.
#[derive(Clone, Debug)]
pub struct Template {
    /// Which template.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The version new spaces get.
    pub current_version_id: TemplateVersionId,
    /// Whether it is offered to everybody rather than to some groups.
    pub for_everybody: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted; spaces made from it live on.
    pub deleted_at: Option<Timestamp>,
}

/// One immutable version of a template.
#[derive(Clone, Debug)]
pub struct TemplateVersion {
    /// Which version.
    pub id: TemplateVersionId,
    /// Of which template.
    pub template_id: TemplateId,
    /// Counts the versions of one template, beginning with 1.
    pub number: u32,
    /// What it says.
    pub blueprint: Blueprint,
    /// When it was made.
    pub created_at: Timestamp,
}

fn template(row: entity::template::Model) -> Template {
    Template {
        id: TemplateId::new(row.id),
        name: row.name,
        description: row.description,
        for_everybody: row.for_everybody,
        current_version_id: TemplateVersionId::new(row.current_version_id),
        created_at: at(row.created_at_ms),
        deleted_at: row.deleted_at_ms.map(at),
    }
}

pub(super) fn version(row: entity::template_version::Model) -> Result<TemplateVersion, StoreError> {
    Ok(TemplateVersion {
        id: TemplateVersionId::new(row.id),
        template_id: TemplateId::new(row.template_id),
        number: u32::try_from(row.number).map_err(|_| corrupt("template_version", "number"))?,
        blueprint: json(&row.blueprint, "template_version", "blueprint")?,
        created_at: at(row.created_at_ms),
    })
}

fn row(template: &Template) -> entity::template::ActiveModel {
    entity::template::ActiveModel {
        id: Set(template.id.uuid()),
        name: Set(template.name.clone()),
        description: Set(template.description.clone()),
        for_everybody: Set(template.for_everybody),
        current_version_id: Set(template.current_version_id.uuid()),
        created_at_ms: Set(template.created_at.as_millis()),
        deleted_at_ms: Set(template.deleted_at.map(Timestamp::as_millis)),
    }
}

/// What `actor` is offered: templates for everybody, and those of the actor's groups. Who manages
/// templates is offered all.
fn offered_to(actor: &Actor) -> Condition {
    use entity::{template::Column, template_group as link};
    let live = Condition::all().add(Column::DeletedAtMs.is_null());
    if actor.may(Permission::ManageTemplates) {
        return live;
    }
    let of_my_groups = Query::select()
        .column(link::Column::TemplateId)
        .from(link::Entity)
        .and_where(link::Column::GroupId.is_in(actor.groups.iter().map(|group| group.uuid())))
        .take();
    live.add(
        Condition::any()
            .add(Column::ForEverybody.eq(true))
            .add(Column::Id.in_subquery(of_my_groups)),
    )
}

impl Store {
    /// A page of the templates `actor` is offered.
    pub async fn templates(
        &self,
        actor: &Actor,
        request: PageRequest,
    ) -> Result<Page<Template>, StoreError> {
        let select = entity::template::Entity::find().filter(offered_to(actor));
        let rows = limit(select, entity::template::Column::Id, request)
            .all(&self.read)
            .await?;
        Ok(Page::from_query(
            rows.into_iter().map(template).collect(),
            request,
        ))
    }

    /// The template, when `actor` is offered it.
    pub async fn template(
        &self,
        actor: &Actor,
        id: TemplateId,
    ) -> Result<Option<Template>, StoreError> {
        let row = entity::template::Entity::find_by_id(id.uuid())
            .filter(offered_to(actor))
            .one(&self.read)
            .await?;
        Ok(row.map(template))
    }

    /// The templates with these identifiers, deleted ones too, in no order, and whether `actor` is
    /// offered each. For whoever may see a space made from them.
    pub async fn templates_by_id(
        &self,
        actor: &Actor,
        ids: &[TemplateId],
    ) -> Result<Vec<(Template, bool)>, StoreError> {
        use entity::template::Column;
        let of_ids = || Column::Id.is_in(ids.iter().map(|id| id.uuid()));
        let rows = entity::template::Entity::find()
            .filter(of_ids())
            .all(&self.read)
            .await?;
        let offered: Vec<Uuid> = entity::template::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(of_ids())
            .filter(offered_to(actor))
            .into_tuple()
            .all(&self.read)
            .await?;
        let with_offer = |row: entity::template::Model| {
            let is_offered = offered.contains(&row.id);
            (template(row), is_offered)
        };
        Ok(rows.into_iter().map(with_offer).collect())
    }

    /// The versions with these identifiers, in no order.
    pub async fn template_versions_by_id(
        &self,
        ids: &[TemplateVersionId],
    ) -> Result<Vec<TemplateVersion>, StoreError> {
        let rows = entity::template_version::Entity::find()
            .filter(entity::template_version::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .all(&self.read)
            .await?;
        rows.into_iter().map(version).collect()
    }

    /// Which of `templates` is offered to which group.
    pub async fn offers(
        &self,
        templates: &[TemplateId],
    ) -> Result<Vec<(TemplateId, GroupId)>, StoreError> {
        use entity::template_group::Column;
        let rows = entity::template_group::Entity::find()
            .filter(Column::TemplateId.is_in(templates.iter().map(|id| id.uuid())))
            .all(&self.read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TemplateId::new(row.template_id), GroupId::new(row.group_id)))
            .collect())
    }
}

impl Change {
    /// The template, locked until the change ends, when `actor` is offered it.
    pub async fn template(
        &self,
        actor: &Actor,
        id: TemplateId,
    ) -> Result<Option<Template>, StoreError> {
        let row = entity::template::Entity::find_by_id(id.uuid())
            .filter(offered_to(actor))
            .lock_exclusive()
            .one(&self.transaction)
            .await?;
        Ok(row.map(template))
    }

    /// One version of a template.
    pub async fn template_version(
        &self,
        id: TemplateVersionId,
    ) -> Result<Option<TemplateVersion>, StoreError> {
        let row = entity::template_version::Entity::find_by_id(id.uuid())
            .one(&self.transaction)
            .await?;
        row.map(version).transpose()
    }

    /// Whether a template other than `except` that is not deleted has this name.
    pub async fn template_name_taken(
        &self,
        name: &str,
        except: Option<TemplateId>,
    ) -> Result<bool, StoreError> {
        use entity::template::Column;
        let mut select = entity::template::Entity::find()
            .filter(Column::Name.eq(name))
            .filter(Column::DeletedAtMs.is_null());
        if let Some(except) = except {
            select = select.filter(Column::Id.ne(except.uuid()));
        }
        Ok(select.count(&self.transaction).await? > 0)
    }

    /// Adds a template.
    pub async fn insert_template(&self, template: &Template) -> Result<(), StoreError> {
        entity::template::Entity::insert(row(template))
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Writes everything about a template but its versions.
    pub async fn update_template(&self, template: &Template) -> Result<(), StoreError> {
        entity::template::Entity::update(row(template))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    /// Adds a version to a template.
    pub async fn insert_template_version(
        &self,
        version: &TemplateVersion,
    ) -> Result<(), StoreError> {
        let row = entity::template_version::ActiveModel {
            id: Set(version.id.uuid()),
            template_id: Set(version.template_id.uuid()),
            number: Set(i32::try_from(version.number).unwrap_or(i32::MAX)),
            blueprint: Set(to_json(&version.blueprint)),
            created_at_ms: Set(version.created_at.as_millis()),
        };
        entity::template_version::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Offers a template to exactly these groups.
    pub async fn set_offers(
        &self,
        template: TemplateId,
        groups: &[GroupId],
    ) -> Result<(), StoreError> {
        entity::template_group::Entity::delete_many()
            .filter(entity::template_group::Column::TemplateId.eq(template.uuid()))
            .exec(&self.transaction)
            .await?;
        for group in groups {
            let row = entity::template_group::ActiveModel {
                template_id: Set(template.uuid()),
                group_id: Set(group.uuid()),
            };
            entity::template_group::Entity::insert(row)
                .exec_without_returning(&self.transaction)
                .await?;
        }
        Ok(())
    }
}
