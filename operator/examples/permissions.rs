//! Prints the objects that grant the operator its rights, as the chart reads them: `operator-namespace` and `job-namespace`
//! stand for the namespaces of the release and of its jobs.

use std::error::Error;

use serde_json::{Value, json, to_value};
use vaultstream_operator::permissions::{Permissions, cluster_wide, namespaced, user_roles};

const OPERATOR_NAMESPACE: &str = "operator-namespace";
const JOB_NAMESPACE: &str = "job-namespace";

fn objects(permissions: &Permissions) -> Result<Vec<Value>, serde_json::Error> {
    let Permissions { service_account, cluster_roles, cluster_role_bindings, roles, role_bindings } = permissions;
    let mut objects = vec![to_value(service_account)?];
    for kind in [to_value(cluster_roles)?, to_value(cluster_role_bindings)?, to_value(roles)?, to_value(role_bindings)?]
    {
        objects.extend(kind.as_array().into_iter().flatten().cloned());
    }
    Ok(objects)
}

fn main() -> Result<(), Box<dyn Error>> {
    let all = json!({
        "clusterWide": objects(&cluster_wide(OPERATOR_NAMESPACE))?,
        "namespaced": objects(&namespaced(OPERATOR_NAMESPACE, &[JOB_NAMESPACE.to_owned()]))?,
        "users": user_roles(),
    });
    print!("# Written from the code by `make generate`.\n{}", serde_yaml_ng::to_string(&all)?);
    Ok(())
}
