//! The files that make the `openstack` client a user of this cloud.

use std::fmt::Write as _;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use model::DomainId;
use model::identity::Project;

use crate::visit::Visit;

/// The cloud's name in `clouds.yaml`, as in the one that Maru writes at its first start.
pub(super) const CLOUD: &str = "maru";

/// Who is to reach what.
pub(super) struct Account {
    pub auth_url: String,
    pub region: String,
    pub user: String,
    pub user_domain: String,
    pub project: String,
    pub project_domain: String,
}

impl Account {
    /// The visitor in the project they work in.
    pub fn of(visit: &Visit) -> Self {
        let cloud = visit.cloud();
        let domain = |id: &DomainId| {
            cloud
                .domains
                .get(id)
                .map_or_else(|| id.to_string(), |domain| domain.name.clone())
        };
        let (actor, project) = (visit.actor(), cloud.find::<Project>(visit.project_id()));
        Self {
            auth_url: format!("{}/identity/v3", visit.site().public_url),
            region: visit.site().region.clone(),
            user: cloud
                .users
                .get(&actor.user_id)
                .map_or_else(String::new, |user| user.name.clone()),
            user_domain: domain(&actor.user_domain_id),
            project: project.map_or_else(String::new, |project| project.name.clone()),
            project_domain: project.map_or_else(String::new, |project| domain(&project.domain_id)),
        }
    }

    /// A shell script that sets the environment, and asks for the password.
    pub fn openrc(&self) -> String {
        let mut text = String::from(
            "# . this file in a shell: it asks for your password, and openstack commands of that shell are yours then.\n\
             unset OS_CLOUD OS_TOKEN OS_SYSTEM_SCOPE OS_PROJECT_ID OS_USER_ID OS_AUTH_TYPE\n\
             unset OS_APPLICATION_CREDENTIAL_ID OS_APPLICATION_CREDENTIAL_SECRET\n",
        );
        export(
            &mut text,
            &[
                ("OS_AUTH_URL", &self.auth_url),
                ("OS_USERNAME", &self.user),
                ("OS_USER_DOMAIN_NAME", &self.user_domain),
                ("OS_PROJECT_NAME", &self.project),
                ("OS_PROJECT_DOMAIN_NAME", &self.project_domain),
                ("OS_REGION_NAME", &self.region),
                ("OS_IDENTITY_API_VERSION", "3"),
            ],
        );
        text.push_str(
            "printf 'Password of %s: ' \"$OS_USERNAME\" >&2\n\
             stty -echo 2>/dev/null\n\
             IFS= read -r OS_PASSWORD\n\
             stty echo 2>/dev/null\n\
             printf '\\n' >&2\n\
             export OS_PASSWORD\n",
        );
        text
    }

    /// The same for `~/.config/openstack/clouds.yaml`; without a password there, the client asks for it.
    pub fn clouds_yaml(&self) -> String {
        format!(
            "clouds:\n  {CLOUD}:\n    auth:\n      auth_url: {}\n      username: {}\n      user_domain_name: {}\n      \
             project_name: {}\n      project_domain_name: {}\n    region_name: {}\n    identity_api_version: 3\n",
            quoted(&self.auth_url),
            quoted(&self.user),
            quoted(&self.user_domain),
            quoted(&self.project),
            quoted(&self.project_domain),
            quoted(&self.region),
        )
    }

    /// A shell script for an application credential, which brings its project along.
    pub fn application_openrc(&self, id: &str, secret: &str) -> String {
        let mut text = String::from(
            "unset OS_CLOUD OS_TOKEN OS_SYSTEM_SCOPE OS_USERNAME OS_USER_ID OS_PASSWORD OS_USER_DOMAIN_NAME\n\
             unset OS_PROJECT_ID OS_PROJECT_NAME OS_PROJECT_DOMAIN_NAME\n",
        );
        export(
            &mut text,
            &[
                ("OS_AUTH_TYPE", "v3applicationcredential"),
                ("OS_AUTH_URL", &self.auth_url),
                ("OS_APPLICATION_CREDENTIAL_ID", id),
                ("OS_APPLICATION_CREDENTIAL_SECRET", secret),
                ("OS_REGION_NAME", &self.region),
                ("OS_IDENTITY_API_VERSION", "3"),
            ],
        );
        text
    }

    /// The same for `clouds.yaml`.
    pub fn application_clouds_yaml(&self, id: &str, secret: &str) -> String {
        format!(
            "clouds:\n  {CLOUD}:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {}\n      \
             application_credential_id: {}\n      application_credential_secret: {}\n    region_name: {}\n    \
             identity_api_version: 3\n",
            quoted(&self.auth_url),
            quoted(id),
            quoted(secret),
            quoted(&self.region),
        )
    }
}

fn export(text: &mut String, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        let _ = writeln!(text, "export {name}='{}'", value.replace('\'', r"'\''"));
    }
}

/// A text as YAML's double-quoted scalar, which JSON's strings are.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text that the browser keeps as a file.
pub(super) fn download(name: &str, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let account = Account {
            auth_url: "http://127.0.0.1:5000/identity/v3".to_owned(),
            region: "RegionOne".to_owned(),
            user: "o'neil $(id)".to_owned(),
            user_domain: "Default".to_owned(),
            project: "a: \"b\"\n# c".to_owned(),
            project_domain: "Default".to_owned(),
        };
        assert!(account.openrc().contains(r"export OS_USERNAME='o'\''neil $(id)'"));
        assert!(!account.openrc().contains("OS_PASSWORD="));
        assert!(account.clouds_yaml().contains(r#"      project_name: "a: \"b\"\n# c""#));
        assert!(
            account
                .application_openrc("i", "s")
                .contains("export OS_APPLICATION_CREDENTIAL_SECRET='s'")
        );
        assert!(
            account
                .application_clouds_yaml("i", "s")
                .contains("application_credential_id: \"i\"")
        );
    }
}
