//! Children that are changed, and what becomes of them.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::harness::{Place, object};

/// Why the operator may not create this in its own namespace, where nothing has that name; nothing is created.
pub(super) async fn refusal<K>(operator: &Client, place: &Place, child: &Value) -> Option<String>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    let api = Api::<K>::namespaced(operator.clone(), &place.operator_namespace);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &object(child.clone())).await.err().map(|error| error.to_string())
}

/// A change of what the operator writes.
pub(super) type Change = fn(&mut Value);

pub(super) fn pod(deployment: &mut Value) -> &mut Value {
    &mut deployment["spec"]["template"]["spec"]
}

pub(super) fn container(deployment: &mut Value) -> &mut Value {
    &mut pod(deployment)["containers"][0]
}

pub(super) fn add(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}
