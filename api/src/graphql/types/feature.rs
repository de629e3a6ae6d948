//! What of a space can be used, and where.

use async_graphql::{Context, Result, SimpleObject};
use spaceport_domain::{
    access::{Actor, FeatureBar as Bar, Relation, feature_bar},
    app::AppName,
    hostname::AppLabel,
    name::UserName,
    space::{Space, SpaceApp},
    template::{Blueprint, Feature as DomainFeature},
};

use super::{
    app,
    enums::{Feature, FeatureBar},
};
use crate::{
    graphql::{caller::Call, loaders::Loaders},
    settings::Settings,
};

/// Whether one feature of a space can be used.
#[derive(SimpleObject)]
pub struct SpaceFeature {
    /// The feature.
    feature: Feature,
    /// Whether it can be used.
    available: bool,
    /// Why not.
    reason: Option<FeatureBar>,
    /// Where it is opened, when it can be used and is opened in one place: in a browser, where
    /// whoever isn't signed in is asked to (`openApp` saves that); for SSH, `ssh://` with the user
    /// name that stands for the space.
    url: Option<String>,
}

/// A port that means something to users of a space.
#[derive(SimpleObject)]
pub struct SpacePort {
    /// What is there.
    name: String,
    /// Its number inside the space.
    port: i32,
    /// Where the viewer opens it in a browser; absent when they can't use `PORT_FORWARD`. Whoever
    /// isn't signed in there is asked to; `openApp` saves that.
    url: Option<String>,
}

/// What somebody uses of one space, and where.
pub(super) struct Uses<'a> {
    actor: &'a Actor,
    blueprint: &'a Blueprint,
    relation: Relation,
    settings: &'a Settings,
    space: &'a Space,
    owner: UserName,
}

impl<'a> Uses<'a> {
    /// What the viewer, who is `relation` to `space`, uses of it.
    pub(super) async fn of(
        context: &'a Context<'_>,
        space: &'a Space,
        blueprint: &'a Blueprint,
        relation: Relation,
    ) -> Result<Self> {
        let owner = Loaders::of(context).user(space.owner_id).await?;
        Ok(Self {
            actor: context.actor()?,
            blueprint,
            relation,
            settings: &context.app()?.settings,
            space,
            owner: owner.0.name.clone(),
        })
    }

    /// Every feature.
    pub(super) fn features(&self) -> Vec<SpaceFeature> {
        let feature = |feature: DomainFeature| {
            let bar = self.bar(feature);
            let url = match feature {
                DomainFeature::CodeServer => Some(self.url(AppName::Code)),
                DomainFeature::Vnc => Some(self.url(AppName::Vnc)),
                DomainFeature::Terminal => Some(self.url(AppName::Term)),
                DomainFeature::Files => Some(self.url(AppName::Files)),
                DomainFeature::Ssh => self.ssh_url(),
                DomainFeature::VscodeTunnel
                | DomainFeature::PortForward
                | DomainFeature::Tunnels => None,
            };
            SpaceFeature {
                feature: feature.into(),
                available: bar.is_none(),
                reason: bar.map(FeatureBar::from),
                url: url.filter(|_| bar.is_none()),
            }
        };
        DomainFeature::ALL.into_iter().map(feature).collect()
    }

    /// The ports its template declares.
    pub(super) fn ports(&self) -> Vec<SpacePort> {
        let is_open = self.bar(DomainFeature::PortForward).is_none();
        let ports = self.blueprint.ports.iter().map(|declared| SpacePort {
            name: declared.name.clone(),
            port: declared.port.into(),
            url: is_open.then(|| self.url(AppName::Port(declared.port))),
        });
        ports.collect()
    }

    /// What runs beside the command. Who may not use a VS Code tunnel isn't told how to make it
    /// theirs.
    pub(super) fn apps(&self) -> Vec<app::SpaceApp> {
        let apps = match &self.space.apps {
            Some(told) => told.clone(),
            None if self.space.agent_version.is_some() => SpaceApp::expected(self.blueprint),
            None => Vec::new(),
        };
        let may_sign_in = self.bar(DomainFeature::VscodeTunnel).is_none();
        apps.into_iter()
            .map(|app| app::SpaceApp::shown(app, may_sign_in))
            .collect()
    }

    fn url(&self, app: AppName) -> String {
        let label = AppLabel {
            app,
            space: self.space.name.clone(),
            owner: self.owner.clone(),
        };
        let host = label.under(&self.settings.app_domain);
        self.settings.edge_url(&host)
    }

    fn ssh_url(&self) -> Option<String> {
        let ssh = self.settings.ssh.as_ref()?;
        let (space, owner) = (&self.space.name, &self.owner);
        Some(format!("ssh://{space}--{owner}@{}:{}", ssh.host, ssh.port))
    }

    fn bar(&self, feature: DomainFeature) -> Option<Bar> {
        let (enabled, permissions) = (&self.blueprint.features, &self.actor.permissions);
        let bar = feature_bar(feature, enabled, permissions, self.relation);
        let lacks = || self.space.lacks(feature).then_some(Bar::NotInImage);
        bar.or_else(lacks)
    }
}
