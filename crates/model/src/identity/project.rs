//! Projects (tenants): they own everything else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::{Cloud, DomainId, Error, ProjectId};

/// A project (tenant): owns everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Unique in its domain.
    pub name: String,
    /// The domain.
    pub domain_id: DomainId,
    /// Its parent: another project, or `None` for a child of the domain.
    #[serde(default)]
    pub parent_id: Option<ProjectId>,
    /// Free text.
    pub description: String,
    /// Nobody gets a token for a disabled project.
    pub enabled: bool,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Project {
    type Id = ProjectId;
    const KIND: &'static str = "project";
    crate::table!(Project, projects);
    fn id(&self) -> ProjectId {
        self.id.clone()
    }
    fn not_found(id: &ProjectId) -> Error {
        Error::not_found("ProjectNotFound", format!("Could not find project: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups.projects_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

/// The projects above this one, nearest first. (Parents never change, so there is no circle.)
pub fn ancestors<'a>(cloud: &'a Cloud, project: &ProjectId) -> impl Iterator<Item = &'a Project> + use<'a> {
    let parent = |project: &Project| project.parent_id.as_ref().and_then(|id| cloud.projects.get(id));
    let first = cloud.projects.get(project).and_then(|project| parent(project));
    std::iter::successors(first, move |project| parent(project)).map(|project| &**project)
}
