//! Templates.

use spaceport_domain::{
    access::{Actor, Permission},
    id::{GroupId, TemplateId, TemplateVersionId},
    problem::{Problem, ProblemCode},
    template::{Blueprint, Draft},
};
use uuid::Uuid;

use super::{App, AppResult, Done, Origin};
use crate::store::{Change, Page, PageRequest, Template, TemplateVersion};

/// The most characters of a template's name.
const NAME_MAX_CHARS: usize = 100;
/// The most bytes of a template's description.
const DESCRIPTION_MAX_BYTES: usize = 4096;

/// A template as somebody wants it.
#[derive(Clone, Debug)]
pub struct CreateTemplate {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it says.
    pub draft: Draft,
    /// The groups it is offered to, as the caller spelled them; everybody when there are none.
    pub group_ids: Vec<String>,
}

/// Changes of a template; what is `None` stays. A draft becomes a new version.
#[derive(Clone, Debug)]
pub struct UpdateTemplate {
    /// Its new name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What its new version says.
    pub draft: Option<Draft>,
    /// The groups it is offered to.
    pub group_ids: Option<Vec<String>>,
}

impl App {
    /// The template, when `actor` is offered it.
    pub async fn template(&self, actor: &Actor, id: TemplateId) -> AppResult<Option<Template>> {
        Ok(self.store.template(actor, id).await?)
    }

    /// A page of the templates `actor` is offered.
    pub async fn templates(&self, actor: &Actor, page: PageRequest) -> AppResult<Page<Template>> {
        Ok(self.store.templates(actor, page).await?)
    }

    /// Makes a template and its first version.
    pub async fn create_template(
        &self,
        actor: &Actor,
        origin: &Origin,
        input: CreateTemplate,
    ) -> AppResult<Done<Template>> {
        actor.require(Permission::ManageTemplates)?;
        // Before the transaction, which nobody waits for while the engine is asked.
        let blueprint = self.validated(input.draft).await;
        let mut change = self.store.begin().await?;
        let mut problems = Vec::new();
        check_name(&change, &input.name, None, &mut problems).await?;
        check_description(&input.description, &mut problems);
        let groups = self.known_groups(&input.group_ids, &mut problems).await?;
        let blueprint = blueprint.map_err(|mistakes| problems.extend(mistakes));
        let Some(blueprint) = blueprint.ok().filter(|_| problems.is_empty()) else {
            return Err(problems.into());
        };
        let now = self.now();
        let id = TemplateId::new(Uuid::now_v7());
        let version = first_version(id, blueprint, now);
        let template = Template {
            id,
            name: input.name,
            description: input.description,
            for_everybody: input.group_ids.is_empty(),
            current_version_id: version.id,
            created_at: now,
            deleted_at: None,
        };
        change.insert_template(&template).await?;
        change.insert_template_version(&version).await?;
        change.set_offers(id, &groups).await?;
        change.audit(origin.entry(actor, "createTemplate", id, &template.name));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: template,
            cursor,
        })
    }

    /// Changes a template. Spaces stay on the version they were made from.
    pub async fn update_template(
        &self,
        actor: &Actor,
        origin: &Origin,
        template_id: &str,
        input: UpdateTemplate,
    ) -> AppResult<Done<Template>> {
        actor.require(Permission::ManageTemplates)?;
        let blueprint = match input.draft {
            Some(draft) => self.validated(draft).await.map(Some),
            None => Ok(None),
        };
        let mut change = self.store.begin().await?;
        let mut template = managed(&change, actor, template_id).await?;
        let mut problems = Vec::new();
        if let Some(name) = input.name {
            check_name(&change, &name, Some(template.id), &mut problems).await?;
            template.name = name;
        }
        if let Some(description) = input.description {
            check_description(&description, &mut problems);
            template.description = description;
        }
        let groups = match &input.group_ids {
            Some(ids) => Some(self.known_groups(ids, &mut problems).await?),
            None => None,
        };
        let blueprint = blueprint.map_err(|mistakes| problems.extend(mistakes));
        let Some(blueprint) = blueprint.ok().filter(|_| problems.is_empty()) else {
            return Err(problems.into());
        };
        let now = self.now();
        if let Some(blueprint) = blueprint {
            let current = change.template_version(template.current_version_id).await?;
            let number = current.map_or(0, |version| version.number) + 1;
            let version = TemplateVersion {
                number,
                ..first_version(template.id, blueprint, now)
            };
            change.insert_template_version(&version).await?;
            template.current_version_id = version.id;
        }
        if let Some(groups) = groups {
            template.for_everybody = groups.is_empty();
            change.set_offers(template.id, &groups).await?;
        }
        change.update_template(&template).await?;
        change.audit(origin.entry(actor, "updateTemplate", template.id, &template.name));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: template,
            cursor,
        })
    }

    /// Takes a template away. Spaces made from it live on.
    pub async fn delete_template(
        &self,
        actor: &Actor,
        origin: &Origin,
        template_id: &str,
    ) -> AppResult<Done<Template>> {
        actor.require(Permission::ManageTemplates)?;
        let mut change = self.store.begin().await?;
        let mut template = managed(&change, actor, template_id).await?;
        let now = self.now();
        template.deleted_at = Some(now);
        change.update_template(&template).await?;
        change.audit(origin.entry(actor, "deleteTemplate", template.id, &template.name));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: template,
            cursor,
        })
    }

    /// What a draft says, or everything that is wrong with it.
    async fn validated(&self, draft: Draft) -> Result<Blueprint, Vec<Problem>> {
        let blueprint = draft.validate()?;
        let apps = self.engine.image_apps(&blueprint.image).await;
        let apps = apps.unwrap_or_else(|error| {
            // It is known when a space is started, as of an image that doesn't say.
            tracing::warn!(image = blueprint.image, %error, "can't ask which apps an image has");
            None
        });
        match apps.and_then(|has| blueprint.lacks(&has)) {
            Some(problem) => Err(vec![problem]),
            None => Ok(blueprint),
        }
    }

    /// The groups the caller names; adds a problem for each that doesn't exist.
    pub(super) async fn known_groups(
        &self,
        group_ids: &[String],
        problems: &mut Vec<Problem>,
    ) -> AppResult<Vec<GroupId>> {
        let parsed: Vec<Option<GroupId>> = group_ids.iter().map(|id| id.parse().ok()).collect();
        let wanted: Vec<GroupId> = parsed.iter().flatten().copied().collect();
        let known = self.store.groups_by_id(&wanted).await?;
        for (index, id) in parsed.iter().enumerate() {
            if !id.is_some_and(|id| known.iter().any(|group| group.id == id)) {
                let at = ["groupIds".to_owned(), index.to_string()];
                problems.push(Problem::not_found("group").at(at));
            }
        }
        Ok(known.into_iter().map(|group| group.id).collect())
    }
}

async fn managed(change: &Change, actor: &Actor, template_id: &str) -> AppResult<Template> {
    let missing = || Problem::not_found("template").at(["templateId"]);
    let id: TemplateId = template_id.parse().map_err(|_| missing())?;
    Ok(change.template(actor, id).await?.ok_or_else(missing)?)
}

async fn check_name(
    change: &Change,
    name: &str,
    except: Option<TemplateId>,
    problems: &mut Vec<Problem>,
) -> AppResult<()> {
    let characters = name.chars().count();
    if name.trim().is_empty() || characters > NAME_MAX_CHARS {
        let message = format!("must be from 1 to {NAME_MAX_CHARS} characters long");
        problems.push(Problem::input(["name"], message));
    } else if change.template_name_taken(name, except).await? {
        let message = "there is a template of this name";
        problems.push(Problem::new(ProblemCode::NameTaken, message).at(["name"]));
    }
    Ok(())
}

fn check_description(description: &str, problems: &mut Vec<Problem>) {
    if description.len() > DESCRIPTION_MAX_BYTES {
        let message = format!("must be at most {DESCRIPTION_MAX_BYTES} bytes long");
        problems.push(Problem::input(["description"], message));
    }
}

fn first_version(
    template: TemplateId,
    blueprint: Blueprint,
    now: spaceport_domain::time::Timestamp,
) -> TemplateVersion {
    TemplateVersion {
        id: TemplateVersionId::new(Uuid::now_v7()),
        template_id: template,
        number: 1,
        blueprint,
        created_at: now,
    }
}
