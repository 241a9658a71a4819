//! `maru meter`: what metering labels counted.

use serde_json::Value;

use crate::client::Client;
use crate::output::Output;
use crate::state_dir::StateDir;

/// Shows all labels, with a line for each router that counts for one.
pub async fn list(state: &StateDir, output: &Output) -> anyhow::Result<()> {
    let client = Client::log_in(state, "maru").await?;
    let labels = client.get("/maru/v1/metering/labels").await?["metering_labels"].take();
    if output.json {
        return output.data(&labels);
    }
    let rows: Vec<Vec<String>> = labels.as_array().into_iter().flatten().flat_map(rows).collect();
    output.table(&["LABEL", "NAME", "ROUTER", "PACKETS", "BYTES", "READ AT"], &rows);
    Ok(())
}

/// A label that no router counts for has a line of its own.
fn rows(label: &Value) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |router: &Value| {
        let own = [&label["id"], &label["name"]];
        let counted = ["router_id", "packets", "bytes", "read_at"].map(|key| &router[key]);
        own.into_iter().chain(counted).map(text).collect()
    };
    match label["routers"].as_array() {
        Some(routers) if !routers.is_empty() => routers.iter().map(row).collect(),
        _ => vec![row(&Value::Null)],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_label_has_a_line_and_every_router_one() {
        let label = |routers: Value| json!({"id": "l", "name": "n", "routers": routers});
        let router = |id: &str| json!({"router_id": id, "packets": 3, "bytes": 300, "read_at": "t"});
        assert_eq!(rows(&label(json!([]))), [["l", "n", "-", "-", "-", "-"]]);
        assert_eq!(
            rows(&label(json!([router("r1"), router("r2")]))),
            [["l", "n", "r1", "3", "300", "t"], ["l", "n", "r2", "3", "300", "t"]]
        );
    }
}
