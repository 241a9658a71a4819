//! The JSON home document: every resource by its relation, for clients that find their way by it
//! (`Accept: application/json-home`).

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use crate::reply::{Reply, json as document};

/// Relations and paths below `/v3`. A relation with a slash is an extension's: `OS-TRUST/trusts`.
pub(super) const RESOURCES: &[(&str, &str)] = &[
    ("auth_tokens", "/auth/tokens"),
    ("auth_catalog", "/auth/catalog"),
    ("auth_projects", "/auth/projects"),
    ("auth_domains", "/auth/domains"),
    ("auth_system", "/auth/system"),
    ("domains", "/domains"),
    ("domain", "/domains/{domain_id}"),
    ("projects", "/projects"),
    ("project", "/projects/{project_id}"),
    ("project_tags", "/projects/{project_id}/tags"),
    ("project_tag", "/projects/{project_id}/tags/{value}"),
    ("users", "/users"),
    ("user", "/users/{user_id}"),
    ("user_change_password", "/users/{user_id}/password"),
    ("user_projects", "/users/{user_id}/projects"),
    ("user_groups", "/users/{user_id}/groups"),
    ("application_credentials", "/users/{user_id}/application_credentials"),
    (
        "application_credential",
        "/users/{user_id}/application_credentials/{application_credential_id}",
    ),
    ("access_rules", "/users/{user_id}/access_rules"),
    ("access_rule", "/users/{user_id}/access_rules/{access_rule_id}"),
    ("groups", "/groups"),
    ("group", "/groups/{group_id}"),
    ("group_users", "/groups/{group_id}/users"),
    ("group_user", "/groups/{group_id}/users/{user_id}"),
    ("roles", "/roles"),
    ("role", "/roles/{role_id}"),
    ("implied_roles", "/roles/{prior_role_id}/implies"),
    ("implied_role", "/roles/{prior_role_id}/implies/{implied_role_id}"),
    ("role_inferences", "/role_inferences"),
    ("role_assignments", "/role_assignments"),
    ("regions", "/regions"),
    ("region", "/regions/{region_id}"),
    ("services", "/services"),
    ("service", "/services/{service_id}"),
    ("endpoints", "/endpoints"),
    ("endpoint", "/endpoints/{endpoint_id}"),
    ("credentials", "/credentials"),
    ("credential", "/credentials/{credential_id}"),
    ("policies", "/policies"),
    ("policy", "/policies/{policy_id}"),
    ("registered_limits", "/registered_limits"),
    ("registered_limit", "/registered_limits/{registered_limit_id}"),
    ("limits", "/limits"),
    ("limit", "/limits/{limit_id}"),
    ("limit_model", "/limits/model"),
    ("domain_config_default", "/domains/config/default"),
    ("domain_config", "/domains/{domain_id}/config"),
    ("domain_config_group", "/domains/{domain_id}/config/{group}"),
    ("domain_config_option", "/domains/{domain_id}/config/{group}/{option}"),
    ("OS-EC2/ec2tokens", "/ec2tokens"),
    ("OS-EC2/user_credentials", "/users/{user_id}/credentials/OS-EC2"),
    (
        "OS-EC2/user_credential",
        "/users/{user_id}/credentials/OS-EC2/{credential_id}",
    ),
    ("OS-EP-FILTER/endpoint_groups", "/OS-EP-FILTER/endpoint_groups"),
    (
        "OS-EP-FILTER/endpoint_group",
        "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}",
    ),
    (
        "OS-EP-FILTER/project_endpoint",
        "/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}",
    ),
    ("OS-OAUTH1/consumers", "/OS-OAUTH1/consumers"),
    ("OS-OAUTH1/consumer", "/OS-OAUTH1/consumers/{consumer_id}"),
    ("OS-REVOKE/events", "/OS-REVOKE/events"),
    ("OS-TRUST/trusts", "/OS-TRUST/trusts"),
    ("OS-TRUST/trust", "/OS-TRUST/trusts/{trust_id}"),
    ("OS-TRUST/trust_roles", "/OS-TRUST/trusts/{trust_id}/roles"),
    ("OS-TRUST/trust_role", "/OS-TRUST/trusts/{trust_id}/roles/{role_id}"),
];

const RELATIONS: &str = "https://docs.openstack.org/api/openstack-identity/3";

/// Whether the client asks for this document.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept
        .split(',')
        .any(|kind| kind.split(';').next().unwrap_or("").trim() == "application/json-home")
}

/// The document, with paths below `prefix`.
pub(super) fn show(prefix: &str) -> Reply {
    let resources: Map<String, Value> = RESOURCES
        .iter()
        .map(|(name, path)| (relation(name), resource(prefix, path)))
        .collect();
    let mut response = document(&json!({"resources": resources}))?;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json-home"));
    Ok(response)
}

fn relation(name: &str) -> String {
    match name.split_once('/') {
        Some((extension, name)) => format!("{RELATIONS}/ext/{extension}/1.0/rel/{name}"),
        None => format!("{RELATIONS}/rel/{name}"),
    }
}

fn resource(prefix: &str, path: &str) -> Value {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let variables: Map<String, Value> = names
        .map(|name| (name.to_owned(), format!("{RELATIONS}/param/{name}").into()))
        .collect();
    if variables.is_empty() {
        json!({"href": format!("{prefix}{path}")})
    } else {
        json!({"href-template": format!("{prefix}{path}"), "href-vars": variables})
    }
}
